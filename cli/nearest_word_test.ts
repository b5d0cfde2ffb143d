import { assertEquals } from "@std/assert";
import { nearestWord } from "./nearest_word.ts";

Deno.test("nearestWord() finds what was mistyped", () => {
  const words = ["serve", "client", "help"];
  assertEquals(nearestWord("hepl", words), "help");
  assertEquals(nearestWord("clinet", words), "client");
});

Deno.test("nearestWord() finds nothing where no word is near", () => {
  const words = ["serve", "client", "help"];
  for (const word of ["", "x", "run", "exec", "ls"]) {
    assertEquals(nearestWord(word, words), undefined, word);
  }
});
