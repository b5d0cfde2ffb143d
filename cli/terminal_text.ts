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
    // Controls, and what changes the direction of the text.
    /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu,
    (character) => {
      const code = character.charCodeAt(0).toString(16);
      return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, "0")}`;
    },
  ).slice(0, MAX_LENGTH);
}
