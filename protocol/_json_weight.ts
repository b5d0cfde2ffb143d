import { MAX_ARGUMENTS, MAX_VARIABLES } from "./frame.ts";

/** What a nested value, or a member of an object, counts beside a string. */
const MEMBER_WEIGHT = 16;
/** How much the first frame of a session may hold, which may be an `exec`. */
export const FIRST_WEIGHT: number = 512 * 1024;
/** How much any other frame may hold; those that there are hold next to nothing. */
export const LATER_WEIGHT: number = 32 * 1024;

/**
 * How many members there may be, whatever they weigh: more than a frame has that
 * keeps to its own limits, so that others can say which limit is exceeded, and few
 * enough to be parsed in about a millisecond.
 */
const MAX_MEMBERS = 2 * MAX_VARIABLES;

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const BACKSLASH = 92;

const TOO_MUCH =
  `an "exec" frame may have ${MAX_ARGUMENTS} arguments and ${MAX_VARIABLES} variables`;

/**
 * Finds out whether JSON may be parsed without holding everybody up: millions of
 * members or levels take up to seconds, and hundreds of MiB, where a string of the
 * same length takes milliseconds.
 *
 * Commas, strings and the quotes in them weigh 1, members of objects and nested
 * values 16: about what their parsing takes in comparison.
 *
 * @param text The JSON, which may be none.
 * @param max How much it may weigh.
 * @returns What is too much of it, or `undefined`.
 */
export function findExcess(text: string, max: number): string | undefined {
  if (text.length * MEMBER_WEIGHT <= max) return undefined;
  let weight = 0;
  let members = 0;
  const structural = /[",:[{]/g;
  while (structural.test(text)) {
    let at = structural.lastIndex;
    const code = text.charCodeAt(at - 1);
    if (code === QUOTE) {
      // To the end of the string, where commas and the like mean nothing.
      do {
        weight++;
        at = text.indexOf('"', at) + 1;
      } while (at > 0 && weight <= max && isEscaped(text, at - 1));
      if (at === 0) break;
      structural.lastIndex = at;
    } else {
      weight += code === COMMA ? 1 : MEMBER_WEIGHT;
      if (code === COLON) members++;
    }
    if (weight > max) return `it holds too many values: ${TOO_MUCH}`;
  }
  return members > MAX_MEMBERS
    ? `it holds ${members} members, more than ${MAX_MEMBERS}: ${TOO_MUCH}`
    : undefined;
}

/** Tells whether an odd number of backslashes stands before a character. */
function isEscaped(text: string, at: number): boolean {
  let start = at;
  while (text.charCodeAt(start - 1) === BACKSLASH) start--;
  return (at - start) % 2 === 1;
}
