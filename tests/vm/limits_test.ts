import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { AgentError, info, output, spawn } from "../../client/mod.ts";
import { bootFiles, Guest, withGuests } from "./_guest.ts";
import { SecondAgent } from "./_second_agent.ts";

const PORT = 2000;

Deno.test(
  "The agent tells clients over vsock which limit they have reached",
  withGuests(async (t) => {
    using files = await bootFiles();
    await using guest = await Guest.boot(files);
    const target = { ...guest.target, port: PORT };
    await using agent = await SecondAgent.start(
      guest,
      "root",
      ...["--port", `${PORT}`],
      ...["--max-sessions", "1", "--first-frame-timeout", "3s"],
    );
    assertMatch(await agent.nextMessage(), /^Listening on/);

    await t.step("one session too many", async () => {
      await using process = await spawn(target, ["cat"]);
      for (let i = 0; i < 20; i++) {
        const error = await assertRejects(
          () => output(target, ["true"]),
          AgentError,
          "it may have 1 at once (--max-sessions)",
        );
        assertEquals(error.code, "busy");
        assertEquals((await info(target))?.os, "linux");
      }
      await process.stdin.close();
      assertEquals((await process.status).code, 0);
    });

    await t.step("no first frame in time", async () => {
      using wire = await guest.connect(PORT);
      await wire.send('{"type":"exec",');
      const { end } = await wire.readSession();
      assertEquals(end.code, "timeout");
    });
  }),
);
