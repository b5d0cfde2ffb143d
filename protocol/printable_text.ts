/** More of a text is cut off. */
const MAX_LENGTH = 4096;

/** What stands where something was cut off. */
const CUT = "…";

/**
 * What a terminal or a viewer obeys instead of showing it: controls, what changes
 * the direction of the text, separators of lines and paragraphs, and halves of
 * surrogate pairs, which are no characters at all.
 */
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** The beginning of an escape, or of a surrogate pair, at the end of a text. */
const HALF = /(?:\\(?:x[\da-f]?|u[\da-f]{0,3})?|[\ud800-\udbff])$/;

/**
 * Makes a peer's text safe to print: what a terminal would obey, such as the
 * control sequences in a message from a guest, is escaped as `\x1b` or `\u202e`.
 * A text that is safe already stays as it is.
 *
 * @param text The text.
 * @param maxLength How long the result may be, 4096 characters by default.
 * @returns The text on one line. Where it would be too long, its beginning and `…`.
 *
 * @example Usage
 * ```ts
 * import { printableText } from "./printable_text.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(printableText("\x1b[2J\n"), String.raw`\x1b[2J\x0a`);
 * ```
 */
export function printableText(
  text: string,
  maxLength: number = MAX_LENGTH,
): string {
  const printable = text.slice(0, maxLength + 1).replace(UNPRINTABLE, escape);
  return printable.length <= maxLength
    ? printable
    : printable.slice(0, maxLength - CUT.length).replace(HALF, "") + CUT;
}

/**
 * Formats a value as JSON that is safe to print: JSON itself escapes but the lower
 * half of what a terminal would obey.
 *
 * @param value The value.
 * @returns One line of JSON, which means the same.
 *
 * @example Usage
 * ```ts
 * import { printableJson } from "./printable_text.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(printableJson("\x9b31m"), String.raw`"\u009b31m"`);
 * ```
 */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(UNPRINTABLE, escapeUnit);
}

function escape(character: string): string {
  const code = character.charCodeAt(0);
  return code > 0xff
    ? escapeUnit(character)
    : `\\x${code.toString(16).padStart(2, "0")}`;
}

function escapeUnit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
