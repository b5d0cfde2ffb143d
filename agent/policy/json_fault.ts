/**
 * Where a text isn't JSON: the engine's own messages often don't say.
 *
 * @module
 */

/** Something wrong in a text. */
export interface JsonFault {
  /** Where it is, as an index into the text. */
  readonly at: number;
  /** What is wrong. */
  readonly reason: string;
}

const SPACE = /[ \t\n\r]*/y;
/** The tokens of RFC 8259. */
const TOKEN =
  // deno-lint-ignore no-control-regex -- they may not stand in a string
  /"(?:[^"\\\0-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]/y;

/** What may come next. */
type Expected =
  | "a value"
  | 'a value or "]"'
  | "a key in double quotes"
  | 'a key in double quotes or "}"'
  | '":"'
  | '"," or "]"'
  | '"," or "}"'
  | "nothing more";

/**
 * Finds the first place where a text isn't JSON, or where an object has a key that
 * it has already: JSON's readers take the last one without a word.
 *
 * @param text The text.
 * @returns What is wrong, or `undefined` if nothing is.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  const scanner = new Scanner();
  for (let at = 0;;) {
    SPACE.lastIndex = at;
    at += SPACE.exec(text)![0].length;
    if (at === text.length && scanner.complete) return undefined;
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0];
    const { expected } = scanner;
    if (token === undefined || !scanner.take(token)) {
      return { at, reason: `expected ${expected}` };
    }
    if (scanner.repeated) return { at, reason: `the key ${token} is repeated` };
    at += token.length;
  }
}

/** Follows the grammar, token by token. */
class Scanner {
  /** What may come next. */
  expected: Expected = "a value";
  /** Whether the last token was a key that its object had already. */
  repeated = false;
  /** The keys of each object around what comes next; lists have none. */
  readonly #around: (Set<string> | undefined)[] = [];

  /** Whether the text may end here. */
  get complete(): boolean {
    return this.expected === "nothing more";
  }

  /** Takes a token, and returns whether it may stand there. */
  take(token: string): boolean {
    const { expected } = this;
    if (expected.endsWith(`or "${token}"`)) {
      this.#around.pop();
      this.#endValue();
      return true;
    }
    switch (expected) {
      case "a value":
      case 'a value or "]"':
        return this.#takeValue(token);
      case "a key in double quotes":
      case 'a key in double quotes or "}"':
        this.expected = '":"';
        return token.startsWith('"') && this.#takeKey(token);
      case '":"':
        this.expected = "a value";
        return token === ":";
      case '"," or "]"':
        this.expected = "a value";
        return token === ",";
      case '"," or "}"':
        this.expected = "a key in double quotes";
        return token === ",";
      case "nothing more":
        return false;
    }
  }

  #takeValue(token: string): boolean {
    if ("}],:".includes(token)) return false;
    if (token === "{") {
      this.#around.push(new Set());
      this.expected = 'a key in double quotes or "}"';
    } else if (token === "[") {
      this.#around.push(undefined);
      this.expected = 'a value or "]"';
    } else {
      this.#endValue();
    }
    return true;
  }

  #takeKey(token: string): true {
    // As it is meant: a letter may be written as an escape.
    const key: string = JSON.parse(token);
    const keys = this.#around.at(-1)!;
    this.repeated = keys.has(key);
    keys.add(key);
    return true;
  }

  #endValue(): void {
    if (this.#around.length === 0) this.expected = "nothing more";
    else this.expected = this.#around.at(-1) ? '"," or "}"' : '"," or "]"';
  }
}
