import { assertEquals, assertThrows } from "@std/assert";
import { withoutFdLeaks } from "./_test_utils.ts";
import { OsError } from "./errno.ts";
import { ANY_WATCH, FileWatch } from "./file_watch.ts";

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

Deno.test("FileWatch says when the kernel had no room for more events", async () => {
  const folder = await Deno.makeTempDir();
  try {
    using watch = new FileWatch();
    const paths = ["one", "two"].map((name) => `${folder}/${name}`);
    for (const path of paths) {
      Deno.writeTextFileSync(path, "");
      watch.add(path);
    }
    using one = Deno.openSync(paths[0]!, { write: true });
    using two = Deno.openSync(paths[1]!, { write: true });
    const room = Number(
      Deno.readTextFileSync("/proc/sys/fs/inotify/max_queued_events"),
    );
    const byte = new Uint8Array(1);
    // By turns, as events that are alike and follow each other are one.
    for (let count = 0; count < room; count += 2) {
      one.writeSync(byte);
      two.writeSync(byte);
    }
    one.writeSync(byte);
    two.writeSync(byte);
    const ids: number[] = [];
    while (ids.at(-1) !== ANY_WATCH) ids.push(...(await watch.changes())!);
    assertEquals(ids.length, room + 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
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
