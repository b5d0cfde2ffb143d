/**
 * Guessing what was meant.
 *
 * @module
 */

import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** How many letters may be wrong, but never more than half of them. */
const MAX_DISTANCE = 2;

/**
 * Finds the word that somebody may have meant.
 *
 * @param given What they wrote.
 * @param words The words that there are, at least one.
 * @returns The nearest one, or `undefined` if none is near.
 */
export function nearestWord(
  given: string,
  words: readonly string[],
): string | undefined {
  const nearest = closestString(given, words);
  const distance = levenshteinDistance(given, nearest);
  return distance <= Math.min(MAX_DISTANCE, given.length / 2)
    ? nearest
    : undefined;
}
