// Older runtimes lack the built-ins; newer ones shouldn't load Buffer for nothing.
const Buffer = "fromBase64" in Uint8Array
  ? undefined
  : (await import("node:buffer")).Buffer;

// TypeScript's library knows the built-ins in its newer versions only.
interface NativeEncoder {
  toBase64(): string;
}

interface NativeDecoder {
  fromBase64(text: string): Uint8Array;
}

/**
 * Encodes bytes as standard, padded base64.
 *
 * @param bytes The bytes to encode.
 * @returns The base64 text.
 *
 * @example Usage
 * ```ts
 * import { encodeBase64 } from "./base64.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(encodeBase64(new Uint8Array([104, 105])), "aGk=");
 * ```
 */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer === undefined
    ? (bytes as unknown as NativeEncoder).toBase64()
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      .toString("base64");
}

/**
 * Decodes standard, padded base64. Nothing else is let through: no whitespace,
 * no URL-safe alphabet, no missing padding. Bits left over in the last
 * character may be set.
 *
 * @param text The base64 text.
 * @returns The bytes.
 * @throws {SyntaxError} If the text is not standard, padded base64.
 *
 * @example Usage
 * ```ts
 * import { decodeBase64 } from "./base64.ts";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(decodeBase64("aGk="), new Uint8Array([104, 105]));
 * assertThrows(() => decodeBase64("aGk"), SyntaxError);
 * ```
 */
export function decodeBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) {
    throw new SyntaxError(
      `Cannot decode base64: length ${text.length} is not a multiple of 4`,
    );
  }
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = decodeLoosely(text);
  // Both decoders skip some characters, which leaves them with fewer bytes.
  if (bytes?.length !== text.length / 4 * 3 - padding) {
    throw new SyntaxError(
      "Cannot decode base64: invalid character or padding",
    );
  }
  return bytes;
}

function decodeLoosely(text: string): Uint8Array | undefined {
  // Buffer takes the URL-safe alphabet as well.
  if (Buffer !== undefined && (text.includes("-") || text.includes("_"))) {
    return undefined;
  }
  try {
    if (Buffer === undefined) {
      return (Uint8Array as unknown as NativeDecoder).fromBase64(text);
    }
    const buffer = Buffer.from(text, "base64");
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch {
    return undefined;
  }
}
