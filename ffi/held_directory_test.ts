import { assertEquals, assertRejects } from "@std/assert";
import { withoutFdLeaks } from "./_test_utils.ts";
import { O_RDONLY } from "./abi.ts";
import { OsError } from "./errno.ts";
import { HeldDirectory } from "./held_directory.ts";

/** A folder that is removed with all that is in it. */
class Folder implements Disposable {
  readonly path = Deno.realPathSync(Deno.makeTempDirSync());

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test("HeldDirectory stays with its directory when that is renamed", async () => {
  using folder = new Folder();
  Deno.mkdirSync(`${folder.path}/a`);
  Deno.symlinkSync("a", `${folder.path}/link`);
  await withoutFdLeaks(async () => {
    using directory = await HeldDirectory.open(`${folder.path}/link`);
    assertEquals(directory.path(), `${folder.path}/a`);
    Deno.renameSync(`${folder.path}/a`, `${folder.path}/b`);
    assertEquals(directory.path(), `${folder.path}/b`);
    Deno.writeTextFileSync(`${folder.path}/b/old`, "text");
    await directory.rename("old", "new");
    assertEquals(await directory.statusOf("old"), undefined);
    assertEquals((await directory.statusOf("new"))?.size, 4);
    using file = await directory.openFile("new", O_RDONLY);
    assertEquals(file.tryRead(new Uint8Array(8)), 4);
  });
});

Deno.test("HeldDirectory opens no link, and nothing but a directory", async () => {
  using folder = new Folder();
  Deno.writeTextFileSync(`${folder.path}/file`, "");
  Deno.symlinkSync("file", `${folder.path}/link`);
  await withoutFdLeaks(async () => {
    using directory = await HeldDirectory.open(folder.path);
    await assertRejects(
      () => directory.openFile("link", O_RDONLY),
      OsError,
      'Cannot open "link": Too many levels of symbolic links (ELOOP)',
    );
    await assertRejects(
      () => HeldDirectory.open(`${folder.path}/file`),
      OsError,
      "(ENOTDIR)",
    );
    await assertRejects(
      () => directory.rename("none", "other"),
      OsError,
      'Cannot rename "none" to "other": No such file or directory (ENOENT)',
    );
  });
});
