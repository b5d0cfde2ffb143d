/**
 * The names of signals.
 *
 * @module
 */

/** The signals of x86_64 and aarch64 Linux by number, see signal(7). */
const NAMES: readonly string[] = [
  ...["", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT"],
  ...["SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2"],
  ...["SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT"],
  ...["SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU"],
  ...["SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR"],
  ...["SIGSYS"],
];

/**
 * Names a signal.
 *
 * @param number The signal's number, 1 to 64.
 * @returns Its name, such as `SIGTERM`; `SIGRTMIN+1` and the like for the
 * real-time signals, and `SIG32` for one without a name.
 */
export function signalName(number: number): string {
  return NAMES[number] ||
    (number < FIRST_REALTIME
      ? `SIG${number}`
      : `SIGRTMIN+${number - FIRST_REALTIME}`);
}

/** The C library keeps 32 and 33 for its threads. */
const FIRST_REALTIME = 34;

/**
 * Numbers a signal.
 *
 * @param name The signal's name, such as `SIGTERM`.
 * @returns Its number.
 */
export function signalNumber(name: Deno.Signal): number {
  return NAMES.indexOf(name);
}
