/**
 * Patterns for what callers choose.
 *
 * @module
 */

/**
 * Tells whether a whole text matches a pattern, in which each `*` stands for any
 * characters, or none. The time it takes is bounded by the lengths of both:
 * callers choose the text.
 *
 * @param pattern The pattern.
 * @param text The text.
 * @returns Whether it does.
 */
export function matchesText(pattern: string, text: string): boolean {
  const [first = "", ...pieces] = pattern.split("*");
  const last = pieces.pop();
  if (last === undefined) return text === pattern;
  const end = text.length - last.length;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  // Where a piece fits, it fits leftmost: nothing need be taken back.
  let at = first.length;
  for (const piece of pieces) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= end;
}

/**
 * Tells whether a path matches a pattern, in which `*` stands for any characters
 * of one component, and `**` as a component for any number of them, also none.
 *
 * @param pattern The pattern, an absolute path.
 * @param path The path, absolute and resolved.
 * @returns Whether it does.
 */
export function matchesPath(pattern: string, path: string): boolean {
  const components = path.split("/");
  const [first = [], ...runs] = splitAtDoubleStars(pattern.split("/"));
  const last = runs.pop();
  if (last === undefined) {
    return first.length === components.length && fits(first, components, 0);
  }
  const end = components.length - last.length;
  if (!fits(first, components, 0) || !fits(last, components, end)) return false;
  let at = first.length;
  for (const run of runs) {
    while (at <= end && !fits(run, components, at)) at++;
    at += run.length;
  }
  return at <= end;
}

/** Returns what stands between the `**` of a pattern. */
function splitAtDoubleStars(pattern: readonly string[]): string[][] {
  const runs: string[][] = [[]];
  for (const component of pattern) {
    if (component === "**") runs.push([]);
    else runs.at(-1)!.push(component);
  }
  return runs;
}

/** Tells whether each component of a path matches, from one on. */
function fits(
  run: readonly string[],
  components: readonly string[],
  at: number,
): boolean {
  return at >= 0 && at + run.length <= components.length &&
    run.every((pattern, index) =>
      matchesText(pattern, components[at + index]!)
    );
}
