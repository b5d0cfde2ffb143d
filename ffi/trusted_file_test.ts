import { assertEquals, assertThrows } from "@std/assert";
import { withoutFdLeaks } from "./_test_utils.ts";
import { OsError } from "./errno.ts";
import { readTrustedFile, UntrustedFileError } from "./trusted_file.ts";

async function withFile(
  test: (path: string, folder: string) => void | Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/file`;
    await Deno.writeTextFile(path, "hello", { mode: 0o644 });
    await withoutFdLeaks(async () => await test(path, folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("readTrustedFile() reads a file of one's own", async () => {
  await withFile((path) => {
    assertEquals(new TextDecoder().decode(readTrustedFile(path, 5)), "hello");
  });
});

for (const mode of [0o664, 0o646, 0o666]) {
  Deno.test(`readTrustedFile() throws when the mode is ${mode.toString(8)}`, async () => {
    await withFile(async (path) => {
      await Deno.chmod(path, mode);
      assertThrows(
        () => readTrustedFile(path, 5),
        UntrustedFileError,
        `Cannot trust "${path}": its group or others may write to it`,
      );
    });
  });
}

Deno.test({
  name: "readTrustedFile() throws when the file is another user's",
  ignore: Deno.uid() !== 0,
  async fn() {
    await withFile(async (path) => {
      await Deno.chown(path, 65534, 65534);
      assertThrows(
        () => readTrustedFile(path, 5),
        UntrustedFileError,
        "it belongs to uid 65534",
      );
    });
  },
});

Deno.test("readTrustedFile() throws when the file is too large, or none", async () => {
  await withFile(async (path, folder) => {
    assertThrows(
      () => readTrustedFile(path, 4),
      UntrustedFileError,
      "it has more than 4 bytes",
    );
    assertThrows(
      () => readTrustedFile(folder, 4),
      UntrustedFileError,
      "it is no regular file",
    );
    assertThrows(() => readTrustedFile(`${path}2`, 4), OsError, "Cannot open");
    const { success } = await new Deno.Command("mkfifo", {
      args: [`${folder}/pipe`],
    }).output();
    assertEquals(success, true);
    assertThrows(
      () => readTrustedFile(`${folder}/pipe`, 4),
      UntrustedFileError,
      "it is no regular file",
    );
  });
});
