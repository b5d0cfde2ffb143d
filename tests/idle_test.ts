import { assertLess } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded, sleep } from "./_bounded.ts";
import { countWakeups, parseSpent, PRINT_SPENT, type Spent } from "./_spent.ts";
import { text } from "./_wire.ts";

Deno.test(
  "serve sleeps when it has nothing to do",
  bounded(async () => {
    await using agent = await startAgent();
    await agent.exec(["true"]);
    // The runtime tidies up for a moment.
    await sleep(1000);
    const before = await spent(agent.pid);
    await sleep(2000);
    // A timer that recurs a few times a second shows.
    assertLess(countWakeups(before, await spent(agent.pid)), 10);
  }),
);

async function spent(pid: number): Promise<Spent> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", PRINT_SPENT, "sh", String(pid)],
  }).output();
  return parseSpent(text(stdout));
}
