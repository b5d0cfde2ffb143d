/** What a nested value, or a member of an object, counts beside a string. */
const MEMBER_WEIGHT = 16;
/** How much the first frame of a session may hold, which may be an `exec`. */
export const FIRST_WEIGHT: number = 512 * 1024;
/** How much any other frame may hold; those that there are hold next to nothing. */
export const LATER_WEIGHT: number = 32 * 1024;

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;

/**
 * Tells whether JSON may be parsed without holding everybody up: millions of
 * members or levels take up to seconds, and hundreds of MiB, where a string of the
 * same length takes milliseconds.
 *
 * Commas, strings and the quotes in them weigh 1, members of objects and nested
 * values 16: about what their parsing takes in comparison.
 *
 * @param text The JSON, which may be none.
 * @param max How much it may weigh.
 * @returns Whether it weighs no more.
 */
export function isLightJson(text: string, max: number): boolean {
  if (text.length * MEMBER_WEIGHT <= max) return true;
  let weight = 0;
  const structural = /[",:[{]/g;
  while (structural.test(text)) {
    let at = structural.lastIndex;
    const code = text.charCodeAt(at - 1);
    if (code === QUOTE) {
      // To the end of the string, where commas and the like mean nothing.
      do {
        if (++weight > max) return false;
        at = text.indexOf('"', at) + 1;
      } while (at > 0 && isEscaped(text, at - 1));
      if (at === 0) return true;
      structural.lastIndex = at;
    } else {
      weight += code === COMMA ? 1 : MEMBER_WEIGHT;
      if (weight > max) return false;
    }
  }
  return true;
}

/** Tells whether an odd number of backslashes stands before a character. */
function isEscaped(text: string, at: number): boolean {
  let start = at;
  while (text.charCodeAt(start - 1) === BACKSLASH) start--;
  return (at - start) % 2 === 1;
}
