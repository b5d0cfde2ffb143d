/**
 * Errors as the command line shows them.
 *
 * @module
 */

import { printableText } from "../protocol/printable_text.ts";
import { PROGRAM } from "./help.ts";

/**
 * Formats an error as it is printed.
 *
 * @param error What was thrown.
 * @returns One line, without a newline.
 */
export function formatError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return `${PROGRAM}: ${printableText(message)}`;
}

/**
 * Prints an error to standard error, on one line.
 *
 * @param error What was thrown.
 */
export function printError(error: unknown): void {
  printHint(formatError(error));
}

/**
 * Prints a line to standard error, if it can be written to.
 *
 * @param line The line.
 */
export function printHint(line: string): void {
  try {
    console.error(line);
  } catch {
    // Nobody is there to be told, and the exit code still tells.
  }
}
