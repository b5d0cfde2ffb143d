import { printableJson } from "./printable_text.ts";

const MAX_LENGTH = 64;

/**
 * Cuts a peer's text to as much of it as may be shown.
 *
 * @param text The text.
 * @returns The text's first 64 characters.
 */
export function excerpt(text: string): string {
  return text.slice(0, MAX_LENGTH);
}

/**
 * Quotes a peer's text for a message.
 *
 * @param text The text.
 * @returns The text's first 64 characters in quotes, without anything that a
 * terminal would obey.
 */
export function quote(text: string): string {
  return printableJson(excerpt(text));
}
