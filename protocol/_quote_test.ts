import { assertEquals } from "@std/assert";
import { excerpt, quote } from "./_quote.ts";

Deno.test("excerpt() keeps the first 64 characters", () => {
  assertEquals(excerpt("a".repeat(64)), "a".repeat(64));
  assertEquals(excerpt("a".repeat(64) + "b"), "a".repeat(64));
});

Deno.test("quote() escapes quotes and control characters", () => {
  assertEquals(quote('a"\x1b[2J\n'), String.raw`"a\"\u001b[2J\n"`);
});

Deno.test("quote() cuts long text", () => {
  assertEquals(quote("a".repeat(1000)), `"${"a".repeat(64)}"`);
});
