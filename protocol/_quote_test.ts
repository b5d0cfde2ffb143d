import { assertEquals } from "@std/assert";
import { excerpt, quote } from "./_quote.ts";

Deno.test("excerpt() keeps the first 64 characters", () => {
  assertEquals(excerpt("a".repeat(64)), "a".repeat(64));
  assertEquals(excerpt("a".repeat(64) + "b"), "a".repeat(64));
});

Deno.test("quote() escapes quotes and control characters", () => {
  assertEquals(quote('a"\x1b[2J\n'), String.raw`"a\"\u001b[2J\n"`);
  assertEquals(
    quote("\x7f\x9b\u202e\u2069\ud83d"),
    String.raw`"\u007f\u009b\u202e\u2069\ud83d"`,
  );
});

Deno.test("quote() cuts long text", () => {
  assertEquals(quote("a".repeat(1000)), `"${"a".repeat(64)}"`);
});
