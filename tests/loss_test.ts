import { assertEquals, assertGreater } from "@std/assert";
import { type Agent, startAgent } from "./_agent.ts";
import { AT_ONCE, bounded, sleep, until, untilStalled } from "./_bounded.ts";
import { startClient } from "./_client.ts";
import { assertKilled, membersOf, processStat, writtenBytes } from "./_proc.ts";
import { decodeData, text, type Wire } from "./_wire.ts";

/** Starts a shell script, and waits until its group has as many processes. */
async function start(
  agent: Agent,
  script: string,
  processes: number,
): Promise<[wire: Wire, group: number]> {
  const wire = await agent.open({ type: "exec", argv: ["sh", "-c", script] });
  const group = await wire.expectStarted();
  await until(
    () => membersOf(group).length === processes,
    `the ${processes} processes of ${script}`,
  );
  return [wire, group];
}

Deno.test(
  "serve kills the child's group at once when the client goes away",
  async (t) => {
    await bounded(async () => {
      await using agent = await startAgent();
      const cases: [name: string, script: string, processes: number][] = [
        ["in silence", "exec sleep 60", 1],
        ["with grandchildren in the group", "sleep 60 & sleep 60 & wait", 3],
        [
          "with children that ignore SIGTERM and SIGHUP",
          "trap '' TERM HUP INT; sleep 60 & sleep 60",
          3,
        ],
        [
          "with children that hold no pipe",
          "sleep 60 </dev/null >/dev/null 2>&1 & exec sleep 60 <&- >&- 2>&-",
          2,
        ],
      ];
      for (const [name, script, processes] of cases) {
        await t.step(name, async () => {
          const [wire, group] = await start(agent, script, processes);
          wire.close();
          await assertKilled(group);
        });
      }

      await t.step("after stdin_close", async () => {
        const [wire, group] = await start(agent, "exec sleep 60", 1);
        await wire.send({ type: "stdin_close" });
        wire.close();
        await assertKilled(group);
      });

      await t.step(
        "while somebody outside the group holds the pipes",
        async () => {
          const wire = await agent.open({
            type: "exec",
            argv: ["sh", "-c", "setsid sleep 60 & echo $!; exec sleep 60"],
          });
          const group = await wire.expectStarted();
          const outsider = Number(decodeData(await wire.expect("stdout")));
          try {
            await until(
              () => processStat(outsider)?.name === "sleep",
              "the outsider",
            );
            assertEquals(processStat(outsider)?.group, outsider);
            wire.close();
            await assertKilled(group);
            await agent.checkClean(AT_ONCE);
            assertEquals(processStat(outsider)?.name, "sleep");
          } finally {
            Deno.kill(outsider, "SIGKILL");
          }
        },
      );

      await t.step("after a half-close", async () => {
        const [wire, group] = await start(agent, "cat; exec sleep 60", 2);
        await wire.closeWrite();
        await until(
          () => membersOf(group).every(({ name }) => name === "sleep"),
          "the end of the child's stdin",
        );
        // The half-close alone has killed nothing.
        await sleep(100);
        assertEquals(membersOf(group).length, 1);
        wire.close();
        await assertKilled(group);
      });

      await t.step("in mid-output, while it reads", async () => {
        const [wire, group] = await start(agent, "exec yes", 1);
        for (let i = 0; i < 5; i++) await wire.expect("stdout");
        wire.close();
        await assertKilled(group);
      });

      await t.step("in mid-output, while it doesn't read", async () => {
        const [wire, group] = await start(agent, "exec yes", 1);
        await untilStalled(() => writtenBytes(group), "the child's output");
        wire.close();
        await assertKilled(group);
      });

      await t.step("before it has read that its child started", async () => {
        const wire = await agent.open({
          type: "exec",
          argv: ["sleep", "61.5"],
        });
        const { pid } = await agentChild(agent);
        wire.close();
        await assertKilled(pid);
      });

      await t.step("with stdin full", async () => {
        using zero = Deno.openSync("/dev/zero");
        await using client = startClient([
          ...["--unix", agent.path, "--", "sleep", "60"],
        ], { stdin: zero.readable });
        const { pid } = await agentChild(agent);
        await untilStalled(() => writtenBytes(client.pid), "the client");
        // Both pipe and socket must be full for this to prove anything.
        assertGreater(writtenBytes(client.pid), 1024 * 1024);
        client.kill("SIGKILL");
        await assertKilled(pid);
      });

      const { stdout } = await agent.exec(["echo", "alive"]);
      assertEquals(text(stdout), "alive\n");
    })(t);
  },
);

async function agentChild(agent: Agent): Promise<{ pid: number }> {
  return await until(() => agent.children[0], "a child of the agent");
}
