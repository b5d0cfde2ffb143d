/**
 * The environment that children get.
 *
 * @module
 */

/** What the service manager tells the agent alone, see systemd.exec(5). */
const AGENT_ONLY: readonly string[] = [
  "JOURNAL_STREAM",
  "LOGS_DIRECTORY",
  "NOTIFY_SOCKET",
  "WATCHDOG_PID",
  "WATCHDOG_USEC",
];

/**
 * Returns the agent's own environment as children inherit it: without the
 * variables that are about the agent, such as the service manager's socket.
 *
 * @returns The variables by name.
 */
export function inheritedEnvironment(): Record<string, string> {
  const environment = Deno.env.toObject();
  for (const name of AGENT_ONLY) delete environment[name];
  return environment;
}

/**
 * Finds a variable that no environment can hold, see environ(7).
 *
 * @param variables The variables by name.
 * @returns What is wrong with the first bad one, or `undefined`.
 */
export function findInvalidVariable(
  variables: Readonly<Record<string, string>>,
): string | undefined {
  for (const [name, value] of Object.entries(variables)) {
    // What follows may be a value, which isn't for messages.
    const quoted = JSON.stringify(name.split("=")[0]);
    if (name === "") return "the name of a variable is empty";
    if (name.includes("=")) return `the name of variable ${quoted} holds a "="`;
    if (name.includes("\0") || value.includes("\0")) {
      return `variable ${quoted} holds a NUL`;
    }
  }
  return undefined;
}
