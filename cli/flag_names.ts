/**
 * Flags by the names that people give them.
 *
 * @module
 */

import { type Flag, UsageError } from "./command.ts";
import { nearestWord } from "./nearest_word.ts";

/**
 * Refuses a long flag with one dash: it would be the short flag of its first
 * letter, and often a value for it.
 *
 * @param arg The argument, which begins with one dash.
 * @param flags The flags that there are.
 * @throws {UsageError} If it is one.
 */
export function checkBundle(arg: string, flags: readonly Flag[]): void {
  const [label] = splitOnce(arg, "=");
  const name = label.slice(1);
  if (name.length > 1 && flags.some((flag) => longNames(flag).includes(name))) {
    throw new UsageError(`Unknown flag "${label}"; did you mean "-${label}"?`);
  }
}

/**
 * Returns what a flag is called after two dashes.
 *
 * @param flag The flag.
 * @returns Its names, its own first.
 */
export function longNames({ name, otherNames = [] }: Flag): readonly string[] {
  return [name, ...otherNames];
}

/**
 * Splits a text at the first separator, if there is one.
 *
 * @param text The text.
 * @param separator The separator, which is left out.
 * @returns What stands before it, and what behind.
 */
export function splitOnce(
  text: string,
  separator: string,
): [head: string, tail?: string] {
  const at = text.indexOf(separator);
  return at < 0
    ? [text]
    : [text.slice(0, at), text.slice(at + separator.length)];
}

/**
 * Guesses which flag was meant.
 *
 * @param given What stands in its place, without dashes.
 * @param flags The flags that there are.
 * @returns What to add to the message; nothing where none is near.
 */
export function suggestFlag(given: string, flags: readonly Flag[]): string {
  const nearest = nearestWord(given, flags.flatMap(longNames));
  return nearest === undefined ? "" : `; did you mean "--${nearest}"?`;
}
