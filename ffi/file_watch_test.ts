import { assertEquals, assertThrows } from "@std/assert";
import { withoutFdLeaks } from "./_test_utils.ts";
import { OsError } from "./errno.ts";
import { FileWatch } from "./file_watch.ts";

Deno.test("FileWatch tells which files were modified", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await withoutFdLeaks(async () => {
      using watch = new FileWatch();
      const [one, two] = ["one", "two"].map((name) => `${folder}/${name}`);
      for (const path of [one!, two!]) Deno.writeTextFileSync(path, "");
      watch.add(one!);
      const id = watch.add(two!);
      const changes = watch.changes();
      Deno.writeTextFileSync(two!, "x", { append: true });
      assertEquals(await changes, [id]);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("FileWatch tells of no file that was removed from it", async () => {
  const path = await Deno.makeTempFile();
  const other = await Deno.makeTempFile();
  try {
    using watch = new FileWatch();
    watch.remove(watch.add(path));
    const id = watch.add(other);
    Deno.writeTextFileSync(path, "x", { append: true });
    Deno.writeTextFileSync(other, "x", { append: true });
    // The first event is that its watch has ended.
    const ids = await watch.changes();
    assertEquals(ids!.filter((other) => other === id), [id]);
    assertEquals(ids!.length, 2);
  } finally {
    await Deno.remove(path);
    await Deno.remove(other);
  }
});

Deno.test("FileWatch.changes() ends when the watch is closed", async () => {
  await withoutFdLeaks(async () => {
    const watch = new FileWatch();
    const changes = watch.changes();
    watch.close();
    assertEquals(await changes, undefined);
    assertEquals(await watch.changes(), undefined);
  });
});

Deno.test("FileWatch.add() throws when the file isn't there", () => {
  using watch = new FileWatch();
  assertThrows(
    () => watch.add("/nonexistent"),
    OsError,
    'Cannot watch "/nonexistent": ',
  );
});
