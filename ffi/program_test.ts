import { assertEquals, assertThrows } from "@std/assert";
import { OsError } from "./errno.ts";
import { checkFolder, findProgram } from "./program.ts";

async function withPrograms(
  fn: (folder: string) => void | Promise<void>,
): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.mkdir(`${folder}/a/taken`, { recursive: true });
    await Deno.mkdir(`${folder}/b`);
    await Deno.writeTextFile(`${folder}/a/plain`, "", { mode: 0o644 });
    for (const path of ["b/plain", "b/taken", "b/tool"]) {
      await Deno.writeTextFile(`${folder}/${path}`, "", { mode: 0o755 });
    }
    await Deno.symlink("b", `${folder}/link`);
    await Deno.symlink("tool", `${folder}/b/alias`);
    await fn(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("findProgram() takes the first executable file in the search path", async () => {
  await withPrograms((folder) => {
    const path = `${folder}/none:${folder}/a:${folder}/b`;
    assertEquals(findProgram("tool", path), `${folder}/b/tool`);
    assertEquals(findProgram("plain", path), `${folder}/b/plain`);
    assertEquals(findProgram("taken", path), `${folder}/b/taken`);
  });
});

Deno.test("findProgram() resolves the folder's links but not the program's", async () => {
  await withPrograms((folder) => {
    assertEquals(findProgram("alias", `${folder}/link`), `${folder}/b/alias`);
    assertEquals(findProgram(`${folder}/link/../b/tool`), `${folder}/b/tool`);
  });
});

Deno.test("findProgram() doesn't search for a name with a slash", async () => {
  await withPrograms((folder) => {
    const error = assertThrows(
      () => findProgram("./tool", `${folder}/b`),
      OsError,
      `Cannot run "./tool": No such file or directory (ENOENT)`,
    );
    assertEquals(error.code, "ENOENT");
  });
});

Deno.test("findProgram() tells a missing program from one that may not be run", async () => {
  await withPrograms((folder) => {
    const code = (name: string, path?: string) =>
      assertThrows(() => findProgram(name, path), OsError).code;
    assertEquals(code("plain", `${folder}/a`), "EACCES");
    assertEquals(code("taken", `${folder}/a`), "EACCES");
    assertEquals(code(`${folder}/a`), "EACCES");
    assertEquals(code("nope", `${folder}/a:${folder}/b`), "ENOENT");
    assertEquals(code("", folder), "ENOENT");
    assertEquals(code("tool/x", folder), "ENOENT");
    assertEquals(code("tool", ""), "ENOENT");
  });
});

Deno.test("findProgram() has a search path when there is none", () => {
  assertEquals(findProgram("sh").endsWith("/bin/sh"), true);
});

Deno.test("findProgram() means relative names and folders from the folder that it is told", async () => {
  await withPrograms((folder) => {
    const tool = `${folder}/b/tool`;
    assertEquals(findProgram("./tool", undefined, `${folder}/b`), tool);
    assertEquals(findProgram("b/tool", "/usr/bin", folder), tool);
    assertEquals(findProgram("../b/tool", undefined, `${folder}/a`), tool);
    assertEquals(findProgram("tool", "a:b", folder), tool);
    assertEquals(findProgram("tool", "", `${folder}/b`), tool);
    assertEquals(findProgram("tool", `a::${folder}`, `${folder}/b`), tool);
    // Absolute ones are what they are.
    assertEquals(findProgram(tool, undefined, `${folder}/a`), tool);
    assertEquals(findProgram("tool", `${folder}/b`, "/"), tool);
    assertThrows(
      () => findProgram("tool", "b", `${folder}/a`),
      OsError,
      `Cannot run "tool": No such file or directory (ENOENT)`,
    );
  });
});

Deno.test("checkFolder() accepts a folder, by whatever path", async () => {
  await withPrograms((folder) => {
    for (const path of ["/", ".", folder, `${folder}/`, `${folder}/link`]) {
      checkFolder(path);
    }
  });
});

Deno.test("checkFolder() throws with the reason when a process couldn't start there", async () => {
  await withPrograms(async (folder) => {
    const code = (path: string) =>
      assertThrows(() => checkFolder(path), OsError).code;
    assertEquals(code(`${folder}/a/plain`), "ENOTDIR");
    assertEquals(code(`${folder}/nope`), "ENOENT");
    assertEquals(code(""), "ENOENT");
    assertThrows(
      () => checkFolder("/nope"),
      OsError,
      `Cannot enter "/nope": No such file or directory (ENOENT)`,
    );
    // Root may enter any folder.
    if (Deno.uid() === 0) return;
    await Deno.chmod(`${folder}/b`, 0o600);
    assertEquals(code(`${folder}/b`), "EACCES");
    await Deno.chmod(`${folder}/b`, 0o700);
  });
});
