/**
 * Cutting what callers wrote to what a log has room for.
 *
 * @module
 */

import { printableJson } from "../../protocol/printable_text.ts";

/** How much of a text a log record keeps, in bytes of JSON. */
const MAX_BYTES = 3 * 1024;
/** What stands where something was cut off. */
const CUT = "…";

const encoder = new TextEncoder();

/**
 * Cuts a text that a caller may have worded to what a record has room for.
 *
 * @param text The text.
 * @param bytes How much of it is kept, in bytes of JSON; 3 KiB by default.
 * @returns The text, or its beginning and `…`.
 */
export function cutText(text: string, bytes: number = MAX_BYTES): string {
  // No character takes less than a byte.
  let end = Math.min(text.length, bytes);
  while (end > 0 && jsonBytes(text.slice(0, end)) > bytes) {
    end = Math.floor(end * 3 / 4);
  }
  return end === text.length ? text : text.slice(0, end) + CUT;
}

/**
 * Cuts a command to what a record has room for.
 *
 * @param argv The command and its arguments.
 * @param bytes How much of it is kept, in bytes of JSON.
 * @returns The arguments that are kept; what was cut ends with `…`.
 */
export function cutArgv(argv: readonly string[], bytes: number): string[] {
  const kept: string[] = [];
  let room = bytes;
  for (const arg of argv) {
    if (room <= 0) return [...kept, CUT];
    const text = cutText(arg, room);
    kept.push(text);
    if (text !== arg) return kept;
    // With the comma.
    room -= jsonBytes(text) + 1;
  }
  return kept;
}

/**
 * Returns how long a value is as JSON.
 *
 * @param value The value.
 * @returns Its length in bytes.
 */
export function jsonBytes(value: unknown): number {
  return encoder.encode(printableJson(value)).length;
}
