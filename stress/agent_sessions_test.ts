import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { asksToReseed, sessionOf } from "./agent_sessions.ts";

Deno.test("sessionOf() returns the same for the same seed and index", () => {
  for (let index = 0; index < 50; index++) {
    assertEquals(sessionOf(5, index), sessionOf(5, index));
  }
});

Deno.test("sessionOf() never returns one that would change the machine", () => {
  let commands = 0;
  for (let index = 0; index < 2000; index++) {
    const input = sessionOf(6, index);
    if (input === undefined) continue;
    assert(!asksToReseed(input.bytes));
    if (input.bytes.includes('"argv":["cat"]')) commands++;
  }
  // Most of them are to be more than refused.
  assert(commands > 200, `${commands} of them run "cat"`);
});

Deno.test("asksToReseed() sees through whatever spelling JSON allows", () => {
  for (
    const [text, expected] of [
      ['{"type":"reseed"}\n', true],
      ['{"type":"exec"}\n{"type":"reseed"}\n', true],
      ['{ "ty\\u0070e" : "\\u0072es\\u0065ed" }\r\n', true],
      ['{"type":"exec","type":"r\\u0065seed"}', true],
      ['{"type":"exec","argv":["true"]}\nnull\n', false],
    ] as const
  ) {
    assertEquals(asksToReseed(Buffer.from(text)), expected, text);
  }
});
