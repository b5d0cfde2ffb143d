import { assertEquals } from "@std/assert";
import { fileKind } from "./socket_file.ts";

Deno.test("fileKind() tells what a path leads to", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/file`;
    await Deno.writeTextFile(file, "");
    await Deno.symlink(folder, `${folder}/link`);
    const path = `${folder}/socket`;
    using _ = Deno.listen({ transport: "unix", path });
    assertEquals(
      [folder, `${folder}/link`, file, path, "/dev/null", `${file}/x`, ""]
        .map(fileKind),
      [
        "folder",
        "folder",
        "plain file",
        "socket",
        "other",
        undefined,
        undefined,
      ],
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
