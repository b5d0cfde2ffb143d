import { assertEquals } from "@std/assert";
import { cutArgv, cutText, jsonBytes } from "./cut_text.ts";

Deno.test("cutText() keeps what there is room for, as JSON", () => {
  assertEquals(cutText("text", 6), "text");
  assertEquals(cutText("", 0), "");
  for (const character of ["x", "…", "\x01", '"', "😀"]) {
    for (const bytes of [0, 10, 100]) {
      const text = cutText(character.repeat(200), bytes);
      assertEquals(text.endsWith("…"), true);
      assertEquals(jsonBytes(text) <= bytes + '"…"'.length + 2, true, text);
    }
  }
});

Deno.test("cutArgv() keeps the first arguments", () => {
  const argv = ["echo", "a".repeat(20), "b".repeat(20)];
  assertEquals(cutArgv(argv, 100), argv);
  assertEquals(cutArgv(argv, 30), [...argv.slice(0, 2), "…"]);
  assertEquals(cutArgv([], 0), []);
});
