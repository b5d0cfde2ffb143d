import { assertEquals, assertThrows } from "@std/assert";
import { withoutFdLeaks } from "./_test_utils.ts";
import { OsError } from "./errno.ts";
import { readFile, readText } from "./read_file.ts";

Deno.test("readFile() and readText() read as much as it may", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "hello");
    await withoutFdLeaks(() => {
      assertEquals(readText(path, 3), "hel");
      assertEquals(readText(path, 5), "hello");
      assertEquals(readText(path, 100), "hello");
      assertEquals(readFile("/dev/zero", 70_000).length, 70_000);
      return Promise.resolve();
    });
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("readFile() throws when the file isn't there", () => {
  assertThrows(
    () => readFile("/nonexistent", 1),
    OsError,
    'Cannot open "/nonexistent": ',
  );
});
