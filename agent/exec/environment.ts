/**
 * The environment that children get.
 *
 * @module
 */

import { ownEnvironment } from "../../ffi/environment.ts";
import { CONFINED } from "../grants/confinement.ts";

/**
 * What the agent has told itself, and what the service manager tells it alone, see
 * systemd.exec(5).
 */
const AGENT_ONLY: readonly string[] = [
  CONFINED,
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
  const environment = { ...ownEnvironment() };
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
    const fault = findTextFault(name) ?? findTextFault(value);
    if (fault !== undefined) return `variable ${quoted} ${fault}`;
  }
  return undefined;
}

/**
 * Finds what no text for the system can hold.
 *
 * @param text The text, if there is any.
 * @returns What is wrong with it, as it reads after what it is, or `undefined`.
 */
export function findTextFault(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (text.includes("\0")) return "holds a NUL";
  return text.isWellFormed()
    ? undefined
    : "holds half of a character (a lone surrogate), which isn't UTF-8";
}
