/**
 * Reading files without a permission for each.
 *
 * @module
 */

import { O_RDONLY } from "./abi.ts";
import { decodeText } from "./c_string.ts";
import { Fd } from "./fd.ts";

/**
 * Reads the beginning of a file by the C library, which needs no permission of
 * its own for each path. Deno opens no device without all permissions.
 *
 * @param path The file's path.
 * @param maxBytes How many bytes to read at most.
 * @returns The bytes, fewer where the file ends before.
 * @throws {OsError} If the file cannot be opened or read.
 */
export function readFile(path: string, maxBytes: number): Uint8Array {
  using file = Fd.open(path, O_RDONLY);
  return readBytes(file, maxBytes);
}

/**
 * Reads the beginning of a text file, as {@linkcode readFile} does.
 *
 * @param path The file's path.
 * @param maxBytes How many bytes to read at most.
 * @returns The text.
 * @throws {OsError} If the file cannot be opened or read.
 */
export function readText(path: string, maxBytes: number): string {
  return decodeText(readFile(path, maxBytes));
}

/** As much as most files have that are read whole, in bytes. */
const USUAL_BYTES = 65_536;

/**
 * Reads a file of the kernel's, which doesn't tell how long it is; as
 * {@linkcode readFile} does.
 *
 * @param path The file's path.
 * @param maxBytes How many bytes to read at most.
 * @returns The bytes.
 * @throws {OsError} If the file cannot be opened or read.
 */
export function readWhole(path: string, maxBytes: number): Uint8Array {
  for (let room = USUAL_BYTES;; room *= 4) {
    const bytes = readFile(path, Math.min(room, maxBytes));
    if (bytes.length < room || room >= maxBytes) return bytes;
  }
}

/**
 * Reads an open file from where it stands.
 *
 * @param file The file, which stays open.
 * @param maxBytes How many bytes to read at most.
 * @returns The bytes, fewer where the file ends before.
 * @throws {OsError} If the file cannot be read.
 */
export function readBytes(file: Fd, maxBytes: number): Uint8Array {
  const bytes = new Uint8Array(maxBytes);
  let length = 0;
  while (length < maxBytes) {
    const count = file.tryRead(bytes.subarray(length));
    if (!count) break;
    length += count;
  }
  return bytes.subarray(0, length);
}
