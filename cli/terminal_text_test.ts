import { assertEquals } from "@std/assert";
import { terminalText } from "./terminal_text.ts";

Deno.test("terminalText() escapes what a terminal would obey", () => {
  assertEquals(
    terminalText("a\x1b[31mb\nc\x9bd\x7f é ∞"),
    String.raw`a\x1b[31mb\x0ac\x9bd\x7f é ∞`,
  );
});

Deno.test("terminalText() cuts a text that has no end", () => {
  assertEquals(terminalText("x".repeat(1e6)).length, 4096);
});
