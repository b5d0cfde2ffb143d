import { startAgent } from "./_agent.ts";
import { bounded, untilStalled } from "./_bounded.ts";
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

async function spent(pid: number): Promise<Spent> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", PRINT_SPENT, "sh", String(pid)],
  }).output();
  return parseSpent(text(stdout));
}
