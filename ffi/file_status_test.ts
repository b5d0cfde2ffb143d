import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { withoutFdLeaks } from "./_test_utils.ts";
import { O_RDONLY } from "./abi.ts";
import { Fd } from "./fd.ts";
import { awaitStatusAt, statusAt, statusOf } from "./file_status.ts";

Deno.test("statusAt() tells of a file, and of a link itself", async () => {
  const folder = Deno.makeTempDirSync();
  const file = `${folder}/file`;
  try {
    Deno.writeTextFileSync(file, "ünï");
    Deno.chmodSync(file, 0o640);
    Deno.symlinkSync(file, `${folder}/link`);
    await withoutFdLeaks(async () => {
      const status = statusAt(file)!;
      const { type, mode, uid, size } = status;
      assertEquals({ type, mode, uid, size }, {
        type: "file",
        mode: 0o640,
        uid: Deno.uid(),
        size: 5,
      });
      assertEquals(await awaitStatusAt(file), status);
      using open = Fd.open(`${folder}/link`, O_RDONLY);
      assertEquals(statusOf(open), status);
      using directory = Fd.open(folder, O_RDONLY);
      assertEquals(await awaitStatusAt("file", directory), status);
      const link = statusAt(`${folder}/link`)!;
      assertEquals(link.type, "link");
      assertNotEquals(link.identity, status.identity);
      assertEquals(statusAt(folder)?.type, "directory");
      assertEquals(statusAt(`${folder}/link`, { follow: true }), status);
      assertEquals(statusAt("/dev/null")?.type, "other");
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("statusAt() returns nothing when there is no file", async () => {
  for (const path of ["/none/none", "/dev/null/none", ""]) {
    assertEquals(statusAt(path), undefined);
    assertEquals(await awaitStatusAt(path), undefined);
  }
});

Deno.test("statusOf() throws when the file is closed", () => {
  const file = Fd.open("/dev/null", O_RDONLY);
  file.close();
  assertThrows(() => statusOf(file), TypeError, "closed");
});
