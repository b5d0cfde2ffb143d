import { assert, assertEquals } from "@std/assert";
import { printableJson, printableText } from "./printable_text.ts";

/** What must not reach a terminal, each with how it is shown. */
const UNPRINTABLE: readonly (readonly [character: string, shown: string])[] = [
  ["\0", String.raw`\x00`],
  ["\x07", String.raw`\x07`],
  ["\n", String.raw`\x0a`],
  ["\r", String.raw`\x0d`],
  ["\x1b", String.raw`\x1b`],
  ["\x7f", String.raw`\x7f`],
  ["\x85", String.raw`\x85`],
  ["\x9b", String.raw`\x9b`],
  ["\u061c", String.raw`\u061c`],
  ["\u200f", String.raw`\u200f`],
  ["\u2028", String.raw`\u2028`],
  ["\u2029", String.raw`\u2029`],
  ["\u202a", String.raw`\u202a`],
  ["\u202e", String.raw`\u202e`],
  ["\u2066", String.raw`\u2066`],
  ["\u2069", String.raw`\u2069`],
  ["\ud83d", String.raw`\ud83d`],
  ["\ude00", String.raw`\ude00`],
];

const PRINTABLE = String.raw`a "b" \x1b é ∞ 日本 שלום 😀`;

Deno.test("printableText() escapes what a terminal would obey", () => {
  assertEquals(
    printableText("a\x1b[31mb\nc\x9bd\x7f é ∞"),
    String.raw`a\x1b[31mb\x0ac\x9bd\x7f é ∞`,
  );
  for (const [character, shown] of UNPRINTABLE) {
    assertEquals(printableText(`<${character}>`), `<${shown}>`);
  }
});

Deno.test("printableText() leaves alone what is printable, its own results too", () => {
  assertEquals(printableText(PRINTABLE), PRINTABLE);
  for (
    const text of ["\x1b\u202e\ud83d", "\0".repeat(5000), "😀".repeat(5000)]
  ) {
    const once = printableText(text);
    assertEquals(printableText(once), once);
  }
});

Deno.test("printableText() cuts a text that has no end, but no character or escape in two", () => {
  assertEquals(printableText("x".repeat(4096)), "x".repeat(4096));
  assertEquals(printableText("x".repeat(8e6)), `${"x".repeat(4095)}…`);
  for (
    const [text, cut] of [
      ["abcdefgh", "abcdefgh"],
      ["abcdefghi", "abcdefg…"],
      ["a\x1b\x1b", String.raw`a\x1b…`],
      ["abc\x1b\x1b", String.raw`abc\x1b…`],
      ["ab\u202e\u202e", "ab…"],
      ["ab\u202e", String.raw`ab\u202e`],
      ["abcdef😀", "abcdef😀"],
      ["abcdef😀g", "abcdef…"],
    ] as const
  ) {
    assertEquals(printableText(text, 8), cut);
  }
});

Deno.test("printableJson() escapes what JSON leaves alone, and means the same", () => {
  for (const [character] of UNPRINTABLE) {
    const value = { [character]: [character, 1, null], text: "é" };
    const json = printableJson(value);
    assert(!json.includes(character), json);
    assertEquals(JSON.parse(json), value);
  }
  assertEquals(
    printableJson({ a: PRINTABLE }),
    JSON.stringify({ a: PRINTABLE }),
  );
});
