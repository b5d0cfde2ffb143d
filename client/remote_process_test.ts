import { assertEquals } from "@std/assert";
import { withoutFdLeaks } from "../ffi/_test_utils.ts";
import { spawn } from "./spawn.ts";

Deno.test("RemoteProcess.kill() resolves status when a frame is cut in two, and it is SIGKILL", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await withoutFdLeaks(async () => {
      const path = `${folder}/agent`;
      using listener = Deno.listen({ transport: "unix", path });
      const accepted = listener.accept();
      const spawned = spawn({ unix: path }, ["cat"]);
      using agent = await accepted;
      await agent.write(new TextEncoder().encode(
        '{"type":"started","pid":1}\n{"type":"stdout","da',
      ));
      await using process = await spawned;
      const read = process.stdout.getReader().read();
      process.kill("SIGKILL");
      assertEquals(await process.status, {
        success: false,
        code: 137,
        signal: "SIGKILL",
        timedOut: false,
      });
      assertEquals((await read).done, true);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
