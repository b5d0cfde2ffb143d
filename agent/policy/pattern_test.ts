import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { matchesPath, matchesText } from "./pattern.ts";

/** What is short and alike hits the corners. */
const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 });
const pattern = fc.string({
  unit: fc.constantFrom("a", "b", "*"),
  maxLength: 8,
});
const path = absolute(fc.constantFrom("a", "b", "ab", "aab"));
const pathPattern = absolute(
  fc.constantFrom("a", "b", "ab", "*", "a*", "*b", "**"),
);

function absolute(component: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.array(component, { maxLength: 6 })
    .map((components) => `/${components.join("/")}`);
}

/** Says the same by trying everything. */
function matchesSlowly<T>(
  pattern: readonly T[],
  star: T,
  items: readonly T[],
  equal: (pattern: T, item: T) => boolean,
): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return items.length === 0;
  if (first === star) {
    return matchesSlowly(rest, star, items, equal) ||
      items.length > 0 && matchesSlowly(pattern, star, items.slice(1), equal);
  }
  return items.length > 0 && equal(first, items[0]!) &&
    matchesSlowly(rest, star, items.slice(1), equal);
}

function matchesTextSlowly(pattern: string, text: string): boolean {
  return matchesSlowly([...pattern], "*", [...text], (a, b) => a === b);
}

Deno.test("matchesText() agrees with trying everything", () => {
  fc.assert(
    fc.property(pattern, text, (pattern, text) => {
      assertEquals(
        matchesText(pattern, text),
        matchesTextSlowly(pattern, text),
      );
    }),
    { numRuns: 5000 },
  );
});

Deno.test("matchesPath() agrees with trying everything", () => {
  fc.assert(
    fc.property(pathPattern, path, (pattern, path) => {
      assertEquals(
        matchesPath(pattern, path),
        matchesSlowly(
          pattern.split("/"),
          "**",
          path.split("/"),
          matchesTextSlowly,
        ),
      );
    }),
    { numRuns: 5000 },
  );
});

for (
  const [pattern, text, expected] of [
    ["nginx", "nginx", true],
    ["nginx", "nginx ", false],
    ["", "", true],
    ["", "a", false],
    ["*", "", true],
    ["*", "a/b\nc", true],
    ["**", "a", true],
    ["nginx*", "nginx@a/../b", true],
    ["--log=*", "--log", false],
    ["a*a", "a", false],
    ["a.c", "abc", false],
    ["[a]?", "a", false],
    ["[a]?", "[a]?", true],
  ] as const
) {
  Deno.test(`matchesText() is ${expected} for "${pattern}" and ${JSON.stringify(text)}`, () => {
    assertEquals(matchesText(pattern, text), expected);
  });
}

for (
  const [pattern, path, expected] of [
    ["/usr/bin/git", "/usr/bin/git", true],
    ["/usr/bin/git*", "/usr/bin/git-shell", true],
    ["/usr/bin/*", "/usr/bin/x/y", false],
    ["/*/bin", "/usr/bin", true],
    ["/srv/**", "/srv", true],
    ["/srv/**", "/srv/a/b", true],
    ["/srv/**", "/srv2", false],
    ["/srv/**/log", "/srv/log", true],
    ["/srv/**/log/*", "/srv/a/log/log/b", true],
    ["/**", "/", true],
    ["/**", "/usr/bin/sh", true],
    ["/", "/", true],
  ] as const
) {
  Deno.test(`matchesPath() is ${expected} for "${pattern}" and "${path}"`, () => {
    assertEquals(matchesPath(pattern, path), expected);
  });
}

Deno.test("matchesText() isn't held up by what would be tried over and over", () => {
  const pattern = `${"*a".repeat(100)}*${"a".repeat(100)}b*`;
  // Trying everything would take longer than there is time.
  assertEquals(matchesText(pattern, "a".repeat(1 << 20)), false);
});
