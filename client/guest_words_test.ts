import { assertEquals } from "@std/assert";
import { printableFacts, printableNames } from "./guest_words.ts";

Deno.test("printableNames() bounds the list, and each name in it", () => {
  const names = printableNames(Array(1e5).fill("\x1b".repeat(1000)));
  assertEquals(names.length, 64);
  for (const name of names) {
    assertEquals(name, `${"\\x1b".repeat(15)}…`);
  }
});

Deno.test("printableFacts() escapes names, also those in lists, and keeps numbers", () => {
  assertEquals(
    printableFacts({ os: "\x9b2J", uptimeMs: 1.5, features: ["raw", "\n"] }),
    { os: "\\x9b2J", uptimeMs: 1.5, features: ["raw", "\\x0a"] },
  );
});
