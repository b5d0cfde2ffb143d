/**
 * Symbolic links.
 *
 * @module
 */

import { PATH_MAX } from "./abi.ts";
import { decodeCString, encodeCString } from "./c_string.ts";
import { OsError } from "./errno.ts";
import { errno, libc } from "./libc.ts";

/**
 * Reads where a symbolic link leads, see readlink(2).
 *
 * @param path The link's path.
 * @returns What it says, cut to the length that a path may have.
 * @throws {OsError} If it cannot be read.
 */
export function readLink(path: string): string {
  const target = new Uint8Array(PATH_MAX);
  const cPath = encodeCString(path);
  if (libc().readlink(cPath, target, BigInt(PATH_MAX - 1)) < 0) {
    throw new OsError(errno(), `read the link "${path}"`);
  }
  return decodeCString(target);
}
