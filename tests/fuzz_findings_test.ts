import { assertEquals } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";

// What `deno task fuzz` has found, so that it stays mended.

Deno.test({
  name:
    "serve says that a command is too long, also where another user runs it",
  // Only root can become somebody else.
  ignore: Deno.uid() !== 0,
  fn: bounded(async () => {
    await using agent = await startAgent();
    // The longest argument of Linux has 128 KiB, see execve(2).
    const argv = ["true", "x".repeat(256 * 1024)];
    for (const user of [undefined, "root"]) {
      using wire = await agent.open({ type: "exec", argv, user });
      const { end } = await wire.readSession();
      assertEquals([end.type, end["code"]], ["error", "not_executable"]);
    }
  }),
});
