import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { output } from "../../client/mod.ts";
import { until } from "../_bounded.ts";
import { text } from "../_wire.ts";
import { bootFiles, Guest, withGuests } from "./_guest.ts";
import { asUser, SecondAgent } from "./_second_agent.ts";

Deno.test(
  "The agent lets in only the host, and waits for its port in a guest",
  withGuests(async (t) => {
    using files = await bootFiles();
    await using guest = await Guest.boot(files);
    const { target } = guest;

    /** Dials an agent from within the guest. */
    const dial = async (user: string, cid: number, port: number) => {
      const flags = ["--cid", `${cid}`, "--port", `${port}`];
      const argv = asUser(user, "client", ...flags, "--", "id", "-u");
      const { code, stdout, stderr } = await output(target, argv);
      return { code, stdout: text(stdout), stderr: text(stderr) };
    };

    for (const user of ["root", "nobody"]) {
      for (const cid of [1, 3]) {
        await t.step(
          `it refuses ${user} of the guest on CID ${cid}`,
          async () => {
            const before = refusals(await guest.console());
            const { code, stdout, stderr } = await dial(user, cid, 1024);
            assertEquals([code, stdout], [125, ""]);
            assertStringIncludes(stderr, "closed without an answer");
            const after = await until(async () => {
              const now = refusals(await guest.console());
              return now.length > before.length && now;
            }, "the agent's log");
            assertEquals(after.length, before.length + 1);
            assertMatch(
              after.at(-1)!,
              /^Connection of vsock 1:\d+ refused: only CID 2 is let in/,
            );
          },
        );
      }
    }

    await t.step("it lets in whom --allow-cid names", async () => {
      await using agent = await SecondAgent.start(
        guest,
        "root",
        ...["--port", "2000", "--allow-cid", "1"],
      );
      assertMatch(await agent.nextMessage(), /^Listening on vsock port 2000/);
      for (const user of ["root", "nobody"]) {
        assertEquals(await dial(user, 1, 2000), {
          code: 0,
          stdout: "0\n",
          stderr: "",
        });
      }
      // The host still may, too.
      const { stdout } = await output({ ...target, port: 2000 }, ["id", "-u"]);
      assertEquals(text(stdout), "0\n");
    });

    await t.step("it says who has its port, and takes it over", async () => {
      const args = ["--port", "3000"];
      await using first = await SecondAgent.start(guest, "root", ...args);
      assertMatch(await first.nextMessage(), /^Listening on vsock port 3000/);
      await using second = await SecondAgent.start(guest, "root", ...args);
      assertEquals(
        await second.nextMessage(),
        "Cannot bind vsock port 3000: Address already in use (EADDRINUSE); trying again for 120 seconds",
      );
      await first[Symbol.asyncDispose]();
      assertMatch(await second.nextMessage(), /^Listening on vsock port 3000/);
      const { stdout } = await output({ ...target, port: 3000 }, ["id", "-u"]);
      assertEquals(text(stdout), "0\n");
    });
  }),
);

/** Returns what the agent has logged of connections that it refused. */
function refusals(console: string): string[] {
  return Array.from(
    console.matchAll(/Connection of .* refused: .*/g),
    ([line]) => line,
  );
}
