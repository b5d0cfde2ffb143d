/**
 * Strings as the C library takes them.
 *
 * @module
 */

import { LOGIN_NAME_MAX, NAME_MAX, PATH_MAX } from "./abi.ts";
import { addressOf, libc } from "./libc.ts";

/**
 * How many bytes a string may have that the C library takes, by what it names, its
 * NUL left out. The C library puts some of them on a small stack.
 */
const MAX_BYTES = {
  path: PATH_MAX - 1,
  "file name": NAME_MAX,
  "user name": LOGIN_NAME_MAX - 1,
  "group name": LOGIN_NAME_MAX - 1,
} as const;

/** What a string for the C library names. */
export type Named = keyof typeof MAX_BYTES;

/** How long a pointer is, in bytes. */
const POINTER_SIZE = 8;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** What a byte that isn't UTF-8 stands as in a string is this much more. */
const ESCAPE = 0xdc00;
/** The most bytes that a character takes in UTF-8. */
const MAX_CHARACTER_BYTES = 4;

/**
 * Decodes what the system calls text, and is bytes without a NUL. A byte that isn't
 * UTF-8 becomes a lone surrogate, U+DC80 to U+DCFF, from which
 * {@linkcode encodeText} makes the same byte again; as Python's `surrogateescape`.
 *
 * @param bytes The bytes.
 * @returns The string.
 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return decodePiecewise(bytes);
  }
}

function decodePiecewise(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const character = decodeCharacter(bytes, at);
    text += character ?? String.fromCharCode(ESCAPE + bytes[at]!);
    at += character === undefined ? 1 : encoder.encode(character).length;
  }
  return text;
}

function decodeCharacter(bytes: Uint8Array, at: number): string | undefined {
  for (let length = 1; length <= MAX_CHARACTER_BYTES; length++) {
    try {
      return decoder.decode(bytes.subarray(at, at + length));
    } catch {
      // A longer one may be whole.
    }
  }
  return undefined;
}

/**
 * Encodes text for the system, see {@linkcode decodeText}.
 *
 * @param text The text.
 * @returns Its bytes.
 */
export function encodeText(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text);
  const pieces = text.match(/[\udc80-\udcff]|[^\udc80-\udcff]+/gu) ?? [];
  const bytes = pieces.map((piece) => {
    const byte = piece.charCodeAt(0) - ESCAPE;
    return piece.length === 1 && byte >= 0x80 && byte <= 0xff
      ? Uint8Array.of(byte)
      : encoder.encode(piece);
  });
  return concat(bytes);
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/**
 * Tells whether a string is longer than anything of its kind can be.
 *
 * @param text The string.
 * @param named What it names.
 * @returns Whether it is; the system has nothing of such a name.
 */
export function isTooLong(text: string, named: Named): boolean {
  const max = MAX_BYTES[named];
  // A unit of UTF-16 takes one to three bytes: few strings have to be counted.
  if (text.length > max) return true;
  return 3 * text.length > max && encodeText(text).length > max;
}

/**
 * Encodes a string as NUL-terminated UTF-8.
 *
 * @param text The string.
 * @param named What it names, which bounds its length.
 * @returns Its bytes and a final NUL.
 * @throws {TypeError} If the string holds a NUL, where C would cut it short.
 * @throws {RangeError} If the string is longer than anything of its kind can be.
 */
export function encodeCString(text: string, named: Named = "path"): Uint8Array {
  if (isTooLong(text, named)) {
    throw new RangeError(
      `Cannot pass ${
        JSON.stringify(`${text.slice(0, 64)}…`)
      } to the system: a ${named} has ${MAX_BYTES[named]} bytes at most`,
    );
  }
  checkForNul(text);
  return encodeText(text + "\0");
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
  const strings = encodeText(texts.map((text) => `${text}\0`).join(""));
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
  return decodeText(bytes.subarray(0, bytes.indexOf(0)));
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
