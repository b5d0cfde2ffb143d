/**
 * Kills a child process that may have ended by itself. Deno throws for one that
 * it has waited for, which can be before its status is told.
 *
 * @param child The process.
 * @param signal The signal, `SIGKILL` by default.
 */
export function killChild(
  child: Deno.ChildProcess,
  signal: Deno.Signal = "SIGKILL",
): void {
  try {
    child.kill(signal);
  } catch (error) {
    // "Child process has already terminated", or, by its pid, ESRCH.
    if (
      !(error instanceof TypeError || error instanceof Deno.errors.NotFound)
    ) throw error;
  }
}
