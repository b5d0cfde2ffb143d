/**
 * Sizes of terminals.
 *
 * @module
 */

import { isTerminalSize, type TerminalSize } from "../protocol/mod.ts";

/**
 * Checks the size for a terminal.
 *
 * @param size The size.
 * @throws {RangeError} If no terminal can have it.
 */
export function checkTerminalSize({ rows, cols }: TerminalSize): void {
  if (isTerminalSize({ rows, cols })) return;
  throw new RangeError(
    `Cannot make a terminal of ${rows} rows and ${cols} columns: each must be an integer from 0 to 65535`,
  );
}
