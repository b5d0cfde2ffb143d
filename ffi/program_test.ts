import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { OsError } from "./errno.ts";
import {
  checkFolder,
  findProgram,
  lookUpFolder,
  lookUpProgram,
} from "./program.ts";

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

/** The ways to find a program, which agree but for what they wait for. */
const WAYS = {
  // deno-lint-ignore require-await
  findProgram: async (...args: Parameters<typeof findProgram>) =>
    findProgram(...args),
  lookUpProgram: async (...args: Parameters<typeof findProgram>) =>
    (await lookUpProgram(...args)).path,
};

for (const [name, find] of Object.entries(WAYS)) {
  const codeOf = async (...args: Parameters<typeof find>) =>
    (await assertRejects(() => find(...args), OsError)).code;

  Deno.test(`${name}() takes the first executable file in the search path`, async () => {
    await withPrograms(async (folder) => {
      const path = `${folder}/none:${folder}/a:${folder}/b`;
      assertEquals(await find("tool", path), `${folder}/b/tool`);
      assertEquals(await find("plain", path), `${folder}/b/plain`);
      assertEquals(await find("taken", path), `${folder}/b/taken`);
    });
  });

  Deno.test(`${name}() resolves the folder's links but not the program's`, async () => {
    await withPrograms(async (folder) => {
      assertEquals(await find("alias", `${folder}/link`), `${folder}/b/alias`);
      assertEquals(
        await find(`${folder}/link/../b/tool`),
        `${folder}/b/tool`,
      );
    });
  });

  Deno.test(`${name}() doesn't search for a name with a slash`, async () => {
    await withPrograms(async (folder) => {
      const error = await assertRejects(
        () => find("./tool", `${folder}/b`),
        OsError,
        `Cannot run "./tool": No such file or directory (ENOENT)`,
      );
      assertEquals(error.code, "ENOENT");
    });
  });

  Deno.test(`${name}() tells a missing program from one that may not be run`, async () => {
    await withPrograms(async (folder) => {
      assertEquals(await codeOf("plain", `${folder}/a`), "EACCES");
      assertEquals(await codeOf("taken", `${folder}/a`), "EACCES");
      assertEquals(await codeOf(`${folder}/a`), "EACCES");
      assertEquals(await codeOf("nope", `${folder}/a:${folder}/b`), "ENOENT");
      assertEquals(await codeOf("", folder), "ENOENT");
      assertEquals(await codeOf("tool/x", folder), "ENOENT");
      assertEquals(await codeOf("tool", ""), "ENOENT");
      await Deno.symlink("loop", `${folder}/loop`);
      assertEquals(await codeOf("loop", folder), "ELOOP");
      assertEquals(await codeOf(`${folder}/loop/x`), "ELOOP");
    });
  });

  Deno.test(`${name}() has a search path when there is none`, async () => {
    assertEquals((await find("sh")).endsWith("/bin/sh"), true);
  });

  Deno.test(`${name}() means relative names and folders from the folder that it is told`, async () => {
    await withPrograms(async (folder) => {
      const tool = `${folder}/b/tool`;
      assertEquals(await find("./tool", undefined, `${folder}/b`), tool);
      assertEquals(await find("b/tool", "/usr/bin", folder), tool);
      assertEquals(await find("../b/tool", undefined, `${folder}/a`), tool);
      assertEquals(await find("tool", "a:b", folder), tool);
      assertEquals(await find("tool", "", `${folder}/b`), tool);
      assertEquals(await find("tool", `a::${folder}`, `${folder}/b`), tool);
      // Absolute ones are what they are.
      assertEquals(await find(tool, undefined, `${folder}/a`), tool);
      assertEquals(await find("tool", `${folder}/b`, "/"), tool);
      await assertRejects(
        () => find("tool", "b", `${folder}/a`),
        OsError,
        `Cannot run "tool": No such file or directory (ENOENT)`,
      );
    });
  });

  Deno.test(`${name}() refuses names and search paths that nothing can have`, async () => {
    await withPrograms(async (folder) => {
      const tooLong = "ENAMETOOLONG";
      assertEquals(await codeOf("x".repeat(256), folder), tooLong);
      assertEquals(await codeOf("x".repeat(1_000_000), ":"), tooLong);
      assertEquals(await codeOf(`/${"x/".repeat(2048)}`), tooLong);
      assertEquals(await codeOf(`${folder}/${"x".repeat(256)}`), tooLong);
      assertEquals(await codeOf("tool", `/${"x/".repeat(2048)}`), tooLong);
      const most = `${`${folder}/a:`.repeat(255)}${folder}/b`;
      assertEquals(await find("tool", most), `${folder}/b/tool`);
      assertEquals(await codeOf("tool", `:${most}`), "E2BIG");
      assertEquals(await codeOf("tool", ":".repeat(2_000_000)), "E2BIG");
    });
  });
}

Deno.test("lookUpProgram() tells whether starting it waits for no other file system", async () => {
  await withPrograms(async (folder) => {
    const at = async (name: string) => (await lookUpProgram(name)).atHand;
    // By the second time the kernel has the way in memory.
    await at("sh");
    assertEquals(await at("sh"), true);
    const shell = findProgram("sh");
    const script = async (name: string, line: string) => {
      await Deno.writeTextFile(`${folder}/${name}`, line, { mode: 0o755 });
      return await at(`${folder}/${name}`);
    };
    assertEquals(await script("fine", `#!${shell}\n`), true);
    assertEquals(await script("elsewhere", "#!/proc/self/exe\n"), false);
    assertEquals(await script("missing", `#!${folder}/none\n`), false);
    assertEquals(await script("twice", `#!${folder}/elsewhere\n`), false);
    assertEquals(await at("/proc/self/exe"), false);
  });
});

Deno.test("lookUpFolder() returns a folder with links resolved, by whatever path", async () => {
  await withPrograms(async (folder) => {
    for (
      const [path, real] of [
        ["/", "/"],
        [folder, folder],
        [`${folder}/`, folder],
        [`${folder}/link`, `${folder}/b`],
        [`${folder}/link/../a`, `${folder}/a`],
        ["/proc", "/proc"],
      ] as const
    ) {
      assertEquals(await lookUpFolder(path), real);
    }
  });
});

Deno.test("lookUpFolder() rejects with the reason when a process couldn't start there", async () => {
  await withPrograms(async (folder) => {
    const code = async (path: string) =>
      (await assertRejects(() => lookUpFolder(path), OsError)).code;
    assertEquals(await code(`${folder}/a/plain`), "ENOTDIR");
    assertEquals(await code(`${folder}/nope`), "ENOENT");
    assertEquals(await code("/proc/nope"), "ENOENT");
    assertEquals(await code("/proc/version"), "ENOTDIR");
    assertEquals(await code(""), "ENOENT");
    assertEquals(await code(`/${"x/".repeat(2048)}`), "ENAMETOOLONG");
    await assertRejects(
      () => lookUpFolder("/nope"),
      OsError,
      `Cannot enter "/nope": No such file or directory (ENOENT)`,
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
