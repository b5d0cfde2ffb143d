/**
 * The arguments of this process, as the protocol can carry them.
 *
 * @module
 */

import { UsageError } from "../cli/command.ts";
import { OsError } from "../ffi/errno.ts";
import { ownArguments } from "../ffi/restart.ts";

/**
 * Checks that what this process was called with is text. From an argument that isn't
 * UTF-8 Deno makes another one, which must not be run in its place.
 *
 * @throws {UsageError} If an argument isn't UTF-8.
 */
export function checkArguments(): void {
  const bad = readArguments().find((argument) => !argument.isWellFormed());
  if (bad === undefined) return;
  const shown = JSON.stringify(bad).replaceAll(/\\udc/g, "\\x");
  throw new UsageError(
    `Cannot send the argument ${shown}: it isn't UTF-8, which is all that the protocol carries; send such bytes by stdin, or have them made in the guest, as by sh -c 'printf "\\377"'`,
  );
}

function readArguments(): string[] {
  try {
    return ownArguments();
  } catch (error) {
    // Without /proc there is nothing to compare with.
    if (error instanceof OsError) return [];
    throw error;
  }
}
