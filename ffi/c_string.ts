/**
 * Strings as the C library takes them.
 *
 * @module
 */

import { PATH_MAX } from "./abi.ts";
import { addressOf, libc } from "./libc.ts";

/** How long a pointer is, in bytes. */
const POINTER_SIZE = 8;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Encodes a string as NUL-terminated UTF-8.
 *
 * @param text The string.
 * @returns Its bytes and a final NUL.
 * @throws {TypeError} If the string holds a NUL, where C would cut it short.
 */
export function encodeCString(text: string): Uint8Array {
  checkForNul(text);
  return encoder.encode(text + "\0");
}

/**
 * Lays strings out as the NULL-terminated array of pointers that `argv` and
 * `envp` are, see execve(2). Pointers and characters lie in the one buffer that
 * is returned, so whoever keeps it keeps them all.
 *
 * @param texts The strings.
 * @returns The array of 64-bit pointers, with the strings behind it.
 * @throws {TypeError} If a string holds a NUL.
 */
export function encodeCStringArray(
  texts: readonly string[],
): Uint8Array {
  // In one piece: for an environment of 35 variables that takes 5 µs, and a call
  // of the encoder for each string 20 µs.
  for (const text of texts) checkForNul(text);
  const strings = encoder.encode(
    texts.map((text) => `${text}\0`).join(""),
  );
  const tableSize = (texts.length + 1) * POINTER_SIZE;
  const buffer = new Uint8Array(new ArrayBuffer(tableSize + strings.length));
  buffer.set(strings, tableSize);
  const address = addressOf(buffer.buffer);
  const table = new BigUint64Array(buffer.buffer, 0, texts.length + 1);
  for (let index = 0, at = tableSize; index < texts.length; index++) {
    table[index] = address + BigInt(at);
    at = buffer.indexOf(0, at) + 1;
  }
  return buffer;
}

/**
 * Decodes what C has written into a buffer, up to the first NUL.
 *
 * @param bytes The buffer, which holds a NUL.
 * @returns The string.
 */
export function decodeCString(bytes: Uint8Array): string {
  return decoder.decode(bytes.subarray(0, bytes.indexOf(0)));
}

/**
 * Reads a string that C points to. What holds it must be held for that long.
 *
 * @param address The address of its first byte, or 0.
 * @returns The string, cut to the length that a path may have; an empty one for
 * the address 0.
 */
export function readCString(address: bigint): string {
  const bytes = new Uint8Array(PATH_MAX);
  if (address !== 0n) {
    libc().strncpy_address(bytes, address, BigInt(bytes.byteLength - 1));
  }
  return decodeCString(bytes);
}

function checkForNul(text: string): void {
  if (!text.includes("\0")) return;
  throw new TypeError(
    `Cannot pass ${JSON.stringify(text)} to the system: it holds a NUL`,
  );
}
