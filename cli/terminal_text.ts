/**
 * Text from elsewhere, made safe to print.
 *
 * @module
 */

/** More of a message is cut off. */
const MAX_LENGTH = 4096;

/**
 * Escapes what a terminal would obey, such as the control sequences in a
 * message from a guest.
 *
 * @param text The text.
 * @returns The text on one line, without control characters, at most 4096
 * characters long.
 */
export function terminalText(text: string): string {
  return text.slice(0, MAX_LENGTH).replace(
    // deno-lint-ignore no-control-regex -- they are what is looked for
    /[\x00-\x1f\x7f-\x9f]/g,
    (character) =>
      `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  ).slice(0, MAX_LENGTH);
}
