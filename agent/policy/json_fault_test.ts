import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { findJsonFault } from "./json_fault.ts";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** JSON, and what becomes of it where a few characters are lost or put in. */
const damaged = fc.tuple(
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom(undefined, 1),
  fc.array(
    fc.tuple(
      fc.nat(),
      fc.nat({ max: 2 }),
      fc.constantFrom("", "{", "}", "[", "]", ",", ":", '"', "\\", "-", "0"),
    ),
    { maxLength: 2 },
  ),
).map(([value, indent, damages]) =>
  damages.reduce((text, [place, lost, put]) => {
    const at = place % (text.length + 1);
    return text.slice(0, at) + put + text.slice(at + lost);
  }, JSON.stringify(value, null, indent))
);

Deno.test("findJsonFault() finds one where the engine does, and nowhere else", () => {
  fc.assert(
    fc.property(damaged, (text) => {
      const fault = findJsonFault(text);
      if (fault?.reason.includes("repeated")) return;
      assertEquals(fault === undefined, isJson(text), text);
    }),
    { numRuns: 5000 },
  );
});

for (
  const [text, at, reason] of [
    ["", 0, "expected a value"],
    ["[1,}", 3, "expected a value"],
    ["[1 2]", 3, 'expected "," or "]"'],
    ["[1,]", 3, "expected a value"],
    ['{"a":1,}', 7, "expected a key in double quotes"],
    ["{a:1}", 1, 'expected a key in double quotes or "}"'],
    ['{"a" 1}', 5, 'expected ":"'],
    ['{"a":1', 6, 'expected "," or "}"'],
    ['{"a":"b\n"}', 5, "expected a value"],
    ["{} []", 3, "expected nothing more"],
    ["01", 1, "expected nothing more"],
    ["# a", 0, "expected a value"],
    ['{"a":1, "b":{"a":2}, "a":3}', 21, 'the key "a" is repeated'],
    ['{"a":1,"\\u0061":2}', 7, 'the key "\\u0061" is repeated'],
    ['{"__proto__":1,"__proto__":2}', 15, 'the key "__proto__" is repeated'],
  ] as const
) {
  Deno.test(`findJsonFault() says what is wrong with ${JSON.stringify(text)}`, () => {
    assertEquals(findJsonFault(text), { at, reason });
  });
}
