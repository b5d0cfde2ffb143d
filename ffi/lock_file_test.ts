import { assertEquals, assertThrows } from "@std/assert";
import { withoutFdLeaks } from "./_test_utils.ts";
import { OsError } from "./errno.ts";
import { lockFile } from "./lock_file.ts";

Deno.test("lockFile() lets one have a file until it is closed", async () => {
  const path = Deno.makeTempFileSync();
  try {
    await withoutFdLeaks(() => {
      using lock = lockFile(path);
      assertEquals(lock?.closed, false);
      assertEquals(lockFile(path), undefined);
      lock?.close();
      using again = lockFile(path);
      assertEquals(again?.closed, false);
      return Promise.resolve();
    });
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("lockFile() takes only a file that may be written to", () => {
  assertThrows(() => lockFile(Deno.cwd()), OsError, "(EISDIR)");
});
