import { assertLess } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded, sleep } from "./_bounded.ts";
import { wakeups } from "./_proc.ts";

Deno.test(
  "serve sleeps when it has nothing to do",
  bounded(async () => {
    await using agent = await startAgent();
    await agent.exec(["true"]);
    // The runtime tidies up for a moment.
    await sleep(1000);
    const before = wakeups(agent.pid);
    await sleep(2000);
    // A timer that recurs a few times a second shows.
    assertLess(wakeups(agent.pid) - before, 10);
  }),
);
