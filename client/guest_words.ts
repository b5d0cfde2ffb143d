/**
 * The words of a guest, as the API passes them on: fit to be printed.
 *
 * @module
 */

import { printableText } from "../protocol/printable_text.ts";

/** How long a name may be, such as that of a signal or a feature. */
const MAX_NAME = 64;
/** How many names a list may have. */
const MAX_NAMES = 64;

/**
 * Makes a name that a guest has sent fit to be printed.
 *
 * @param name The name.
 * @returns The name without anything that a terminal would obey, at most 64
 * characters long.
 */
export function printableName(name: string): string {
  return printableText(name, MAX_NAME);
}

/**
 * Makes a list of names that a guest has sent fit to be printed.
 *
 * @param names The names.
 * @returns The first 64, as {@linkcode printableName} has them.
 */
export function printableNames(names: readonly string[]): string[] {
  return names.slice(0, MAX_NAMES).map(printableName);
}

/**
 * Makes the facts that a guest has sent fit to be printed.
 *
 * @param facts The facts: names, lists of names, and what is harmless.
 * @returns The facts, all names as {@linkcode printableName} has them.
 */
export function printableFacts<T extends object>(facts: T): T {
  const entries = Object.entries(facts).map(([key, value]) => [
    key,
    typeof value === "string"
      ? printableName(value)
      : Array.isArray(value)
      ? printableNames(value)
      : value,
  ]);
  return Object.fromEntries(entries);
}
