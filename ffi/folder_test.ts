import {
  assert,
  assertEquals,
  assertLess,
  assertLessOrEqual,
  assertThrows,
} from "@std/assert";
import { withoutFdLeaks } from "./_test_utils.ts";
import { OsError } from "./errno.ts";
import {
  emptyFolder,
  listFolders,
  makeFolder,
  removeFolder,
} from "./folder.ts";

/** A temporary folder. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/**
 * Makes a chain of folders, each in the one before.
 *
 * @param path Where.
 * @param depth How many.
 * @param name The name of each.
 * @returns How many.
 */
function makeDeep(path: string, depth: number, name = "a"): number {
  const script = `cd "$1"; for i in $(seq $2); do mkdir $3; cd -P $3; done`;
  const { success } = new Deno.Command("sh", {
    args: ["-ec", script, "sh", path, `${depth}`, name],
  }).outputSync();
  assert(success);
  return depth;
}

/** Counts this process's descriptors. */
function openFiles(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test("makeFolder() makes a folder, but not one that is there", () => {
  using root = new Folder();
  const path = `${root.path}/a`;
  makeFolder(path);
  assertThrows(() => makeFolder(path), OsError, "(EEXIST)");
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
  assertEquals([...listFolders(root.path)], []);
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
    assertEquals([...listFolders(root.path)].sort(), names.sort());
    // One that is given up before its end leaves no descriptor behind.
    for (const _ of listFolders(root.path)) break;
    return Promise.resolve();
  });
  const none = listFolders(`${root.path}/none`);
  assertThrows(() => none.next(), OsError, "(ENOENT)");
});

Deno.test("emptyFolder() removes wide and deep folders, by small steps", async () => {
  using root = new Folder();
  await withoutFdLeaks(async () => {
    await run(`
      mkdir wide; cd wide
      for i in $(seq 1000); do echo $i; done | xargs mkdir
      for i in 1 500 1000; do mkdir -p $i/a/b $i/c $i/d; done
      cd ..
      mkdir "$(printf '\\377')" "$(printf '%0255d' 0)" "$(printf 'a\nb')"`);
    await makeDeep(root.path, 100);
    const steps = [...emptyFolder(root.path)].length;
    assertEquals([...Deno.readDirSync(root.path)], []);
    // Each folder takes a step, one that holds others four.
    assertLess(steps, 2000);
  });

  async function run(script: string): Promise<void> {
    const { success } = await new Deno.Command("sh", {
      args: ["-ec", script],
      cwd: root.path,
    }).output();
    assert(success);
  }
});

Deno.test("emptyFolder() knows no path that is too long, and holds few descriptors", () => {
  using root = new Folder();
  // Five times as long as a path may be.
  const depth = makeDeep(root.path, 80, "x".repeat(255));
  const before = openFiles();
  let most = 0;
  let steps = 0;
  for (const _ of emptyFolder(root.path)) {
    most = Math.max(most, openFiles() - before);
    steps++;
  }
  assertEquals([...Deno.readDirSync(root.path)], []);
  assertEquals(openFiles(), before);
  assertLessOrEqual(most, 1);
  assertLess(steps, depth * 5);
});

Deno.test("emptyFolder() can be stopped at any step, and gone on with", async () => {
  using root = new Folder();
  await withoutFdLeaks(() => {
    makeDeep(root.path, 50);
    let rounds = 0;
    while ([...listFolders(root.path)].length > 0) {
      let steps = 0;
      for (const _ of emptyFolder(root.path)) if (++steps === 110) break;
      assertLess(++rounds, 1000);
    }
    return Promise.resolve();
  });
});

Deno.test("emptyFolder() leaves what something else holds, and ends", () => {
  using root = new Folder();
  Deno.mkdirSync(`${root.path}/a/b`, { recursive: true });
  Deno.mkdirSync(`${root.path}/a/c`);
  Deno.writeTextFileSync(`${root.path}/a/b/file`, "");
  const steps = [...emptyFolder(root.path)].length;
  assertLess(steps, 20);
  assertEquals(Deno.statSync(`${root.path}/a/b/file`).isFile, true);
});

Deno.test("emptyFolder() follows no symbolic link", () => {
  using root = new Folder();
  using other = new Folder();
  Deno.mkdirSync(`${other.path}/a`);
  Deno.symlinkSync(other.path, `${root.path}/link`);
  assertLess([...emptyFolder(root.path)].length, 5);
  assertEquals([...listFolders(other.path)], ["a"]);
});
