import { assertEquals, assertThrows } from "@std/assert";
import { withoutFdLeaks } from "./_test_utils.ts";
import { OsError } from "./errno.ts";
import { listFolders, lockFolder, makeFolder, removeFolder } from "./folder.ts";

/** A temporary folder. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test("makeFolder() makes a folder, and leaves one that is there", () => {
  using root = new Folder();
  const path = `${root.path}/a`;
  makeFolder(path);
  makeFolder(path);
  assertEquals(Deno.statSync(path).isDirectory, true);
  assertThrows(() => makeFolder(`${root.path}/b/c`), OsError, "(ENOENT)");
});

Deno.test("removeFolder() removes an empty folder only", () => {
  using root = new Folder();
  const path = `${root.path}/a`;
  makeFolder(path);
  makeFolder(`${path}/b`);
  assertThrows(() => removeFolder(path), OsError, "(ENOTEMPTY)");
  removeFolder(`${path}/b`);
  removeFolder(path);
  assertEquals(listFolders(root.path), []);
});

Deno.test("listFolders() lists the folders, however many, and nothing else", async () => {
  using root = new Folder();
  await withoutFdLeaks(() => {
    Deno.writeTextFileSync(`${root.path}/file`, "");
    Deno.symlinkSync(root.path, `${root.path}/link`);
    // More than one call returns.
    const names = Array.from(
      { length: 500 },
      (_, index) => `folder-ü-${index}`,
    );
    for (const name of names) makeFolder(`${root.path}/${name}`);
    assertEquals(listFolders(root.path).sort(), names.sort());
    return Promise.resolve();
  });
  assertThrows(() => listFolders(`${root.path}/none`), OsError, "(ENOENT)");
});

Deno.test("lockFolder() lets one have a folder until it is closed", async () => {
  using root = new Folder();
  await withoutFdLeaks(() => {
    using lock = lockFolder(root.path);
    assertEquals(lock?.closed, false);
    assertEquals(lockFolder(root.path), undefined);
    lock?.close();
    using again = lockFolder(root.path);
    assertEquals(again?.closed, false);
    return Promise.resolve();
  });
});
