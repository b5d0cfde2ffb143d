/**
 * Errors as the command line shows them.
 *
 * @module
 */

import { PROGRAM } from "./help.ts";
import { terminalText } from "./terminal_text.ts";

/**
 * Prints an error to standard error, on one line.
 *
 * @param error What was thrown.
 */
export function printError(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  console.error(`${PROGRAM}: ${terminalText(message)}`);
}
