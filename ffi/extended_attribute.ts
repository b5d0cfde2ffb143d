/**
 * Extended attributes of files, see xattr(7).
 *
 * @module
 */

import { encodeCString } from "./c_string.ts";
import { libc } from "./libc.ts";

const MAX_BYTES = 256;

/**
 * Reads a short attribute of a file, see getxattr(2).
 *
 * @param path The file's path.
 * @param name The attribute's name with its namespace, such as `user.note`.
 * @returns The attribute's value as text, or `undefined` if the file has none of
 * that name, or none that may be seen.
 */
export function readAttribute(path: string, name: string): string | undefined {
  const value = new Uint8Array(MAX_BYTES);
  const length = libc().getxattr(
    encodeCString(path),
    encodeCString(name),
    value,
    BigInt(MAX_BYTES),
  );
  return length < 0
    ? undefined
    : new TextDecoder().decode(value.subarray(0, length));
}
