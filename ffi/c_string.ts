/**
 * Strings as the C library takes them.
 *
 * @module
 */

import { addressOf } from "./libc.ts";

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
  if (text.includes("\0")) {
    throw new TypeError(
      `Cannot pass ${JSON.stringify(text)} to the system: it holds a NUL`,
    );
  }
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
  const strings = texts.map(encodeCString);
  const tableSize = (strings.length + 1) * 8;
  const size = strings.reduce((sum, { length }) => sum + length, tableSize);
  const buffer = new Uint8Array(new ArrayBuffer(size));
  const address = addressOf(buffer.buffer);
  const table = new BigUint64Array(buffer.buffer, 0, strings.length + 1);
  let offset = tableSize;
  strings.forEach((string, index) => {
    table[index] = address + BigInt(offset);
    buffer.set(string, offset);
    offset += string.length;
  });
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
