import { assertEquals, assertRejects } from "@std/assert";
import { withoutFdLeaks } from "./_test_utils.ts";
import { AppendFile } from "./append_file.ts";
import { OsError } from "./errno.ts";
import { HeldDirectory } from "./held_directory.ts";

const encoder = new TextEncoder();

/** Runs a test with a folder of its own. */
async function withFolder(
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await withoutFdLeaks(() => test(folder));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("AppendFile makes a file of its mode, and leaves one that is there", () =>
  withFolder(async (folder) => {
    using directory = await HeldDirectory.open(folder);
    Deno.writeTextFileSync(`${folder}/old`, "a\nb");
    Deno.chmodSync(`${folder}/old`, 0o644);
    using old = await AppendFile.open(directory, "old", 0o600);
    assertEquals(old.status.size, 3);
    assertEquals(old.endsWithinLine(), true);
    assertEquals(await old.append(encoder.encode("c\n")), { bytes: 2 });
    assertEquals(old.endsWithinLine(), false);
    assertEquals(Deno.readTextFileSync(`${folder}/old`), "a\nbc\n");
    assertEquals(Deno.statSync(`${folder}/old`).mode! & 0o777, 0o644);
    using made = await AppendFile.open(directory, "new", 0o600);
    assertEquals(made.endsWithinLine(), false);
    assertEquals(Deno.statSync(`${folder}/new`).mode! & 0o777, 0o600);
  }));

Deno.test("AppendFile opens no link, be there a file behind it or none", () =>
  withFolder(async (folder) => {
    using directory = await HeldDirectory.open(folder);
    for (const target of ["/dev/null", "none"]) {
      Deno.symlinkSync(target, `${folder}/link`);
      await assertRejects(
        () => AppendFile.open(directory, "link", 0o600),
        OsError,
        "(ELOOP)",
      );
      Deno.removeSync(`${folder}/link`);
    }
    assertEquals([...Deno.readDirSync(folder)], []);
  }));

Deno.test("AppendFile says why it could not append", async () => {
  await withoutFdLeaks(async () => {
    using directory = await HeldDirectory.open("/dev");
    using full = await AppendFile.open(directory, "full", 0o600);
    const { bytes, error } = await full.append(encoder.encode("text"));
    assertEquals(bytes, 0);
    assertEquals(
      (error as Error).message,
      "Cannot write: No space left on device (ENOSPC)",
    );
    assertEquals(full.status.type, "other");
  });
});
