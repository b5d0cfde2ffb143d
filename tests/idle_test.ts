import { startAgent } from "./_agent.ts";
import { bounded, until, untilStalled } from "./_bounded.ts";
import { BINARY } from "./_program.ts";
import { countWakeups, parseSpent, PRINT_SPENT, type Spent } from "./_spent.ts";
import { text } from "./_wire.ts";

Deno.test(
  "serve sleeps when it has nothing to do",
  bounded(async () => {
    await using agent = await startAgent();
    await agent.exec(["true"]);
    // The runtime tidies up for a moment. A timer that recurs is never quiet.
    const start = await spent(agent.pid);
    await untilStalled(
      async () => countWakeups(start, await spent(agent.pid)),
      "the agent",
      2000,
    );
  }),
);

Deno.test(
  "serve sleeps while a command does nothing on a terminal whose input has ended",
  bounded(async () => {
    await using agent = await startAgent();
    using wire = await agent.open({
      ...{ type: "exec", argv: ["sleep", "600"], tty: { rows: 24, cols: 80 } },
    });
    await wire.read();
    await wire.send({ type: "stdin_close" });
    const start = await spent(agent.pid);
    // The agent looks a few times whether the terminal threw the end of input away.
    await untilStalled(
      async () => countWakeups(start, await spent(agent.pid)),
      "the agent",
      5000,
    );
  }),
);

Deno.test({
  name: "serve gives memory back when there are no sessions any more",
  // Only what is compiled may ask V8 to.
  ignore: BINARY === undefined,
  fn: bounded(async () => {
    await using agent = await startAgent();
    using open = await agent.open({ type: "exec", argv: ["cat"] });
    await open.read();
    const clients = Array.from({ length: 10 }, async () => {
      for (let count = 0; count < 150; count++) await agent.exec(["true"]);
    });
    await Promise.all(clients);
    const { rss } = await spent(agent.pid);
    await open.send({ type: "stdin_close" });
    await open.readSession();
    await until(
      async () => (await spent(agent.pid)).rss < rss - 4 * 1024 * 1024,
      () => `less than ${rss} bytes`,
    );
  }),
});

async function spent(pid: number): Promise<Spent> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", PRINT_SPENT, "sh", String(pid)],
  }).output();
  return parseSpent(text(stdout));
}
