/**
 * Errors as the command line shows them.
 *
 * @module
 */

import { printableText } from "../protocol/printable_text.ts";
import { PROGRAM } from "./help.ts";
import { printMessage } from "./print.ts";

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
export async function printError(error: unknown): Promise<void> {
  await printMessage(formatError(error));
}
