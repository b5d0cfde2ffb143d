import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { withoutFdLeaks } from "./_test_utils.ts";
import { O_RDONLY, O_WRONLY } from "./abi.ts";
import { OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { writeBlocking, writeFile } from "./write_file.ts";

Deno.test("writeFile() writes to a file that is there", async () => {
  const path = await Deno.makeTempFile();
  try {
    await withoutFdLeaks(() => {
      writeFile(path, "ünï");
      assertEquals(Deno.readTextFileSync(path), "ünï");
      return Promise.resolve();
    });
  } finally {
    await Deno.remove(path);
  }
  assertThrows(() => writeFile(path, ""), OsError, "(ENOENT)");
});

Deno.test("writeFile() throws when the file doesn't take it", () => {
  assertThrows(
    () => writeFile("/dev/full", "x"),
    OsError,
    'Cannot write "x" to "/dev/full": No space left on device (ENOSPC)',
  );
});

Deno.test("writeBlocking() writes to an open file, or throws", async () => {
  const path = await Deno.makeTempFile();
  try {
    await withoutFdLeaks(async () => {
      using file = Fd.open(path, O_WRONLY);
      await writeBlocking(file, "ünï");
      assertEquals(Deno.readTextFileSync(path), "ünï");
      using unwritable = Fd.open(path, O_RDONLY);
      await assertRejects(() => writeBlocking(unwritable, "x"), Error, '"x"');
    });
  } finally {
    await Deno.remove(path);
  }
});
