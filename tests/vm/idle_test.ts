import { assertLess } from "@std/assert";
import { format as formatBytes } from "@std/fmt/bytes";
import { output, waitForAgent } from "../../client/mod.ts";
import { bounded, sleep } from "../_bounded.ts";
import { countWakeups, parseSpent, PRINT_SPENT } from "../_spent.ts";
import { text } from "../_wire.ts";
import { bootFiles, Guest, GUEST_PATIENCE } from "./_guest.ts";

const MINUTE = 60_000;
const OBSERVER_PORT = 2000;
/** How long the second agent may take to start, in milliseconds. */
const START_TIMEOUT = 20_000;

Deno.test(
  "An idle agent in a guest sleeps through a minute",
  bounded(async () => {
    using files = await bootFiles();
    await using guest = await Guest.boot(files);
    const agent = await guest.sh("pidof cocoon-agent");
    // Whoever asks is served by another agent, which leaves the first one alone.
    const observer = { ...guest.target, port: OBSERVER_PORT };
    await guest.sh(
      `setsid cocoon-agent serve --port ${OBSERVER_PORT} </dev/null >/dev/null 2>&1 &`,
    );
    await waitForAgent(observer, START_TIMEOUT);
    const spent = async () => {
      const argv = ["sh", "-c", PRINT_SPENT, "sh", agent];
      const { stdout } = await output(observer, argv);
      return parseSpent(text(stdout));
    };

    const before = await spent();
    await sleep(MINUTE);
    const after = await spent();
    const wakeups = countWakeups(before, after);
    console.log(
      `A minute idle: ${formatBytes(after.rss, { binary: true })} resident, ${
        after.time - before.time
      } ms of the processor, ${wakeups} wakeups`,
    );
    // A timer that recurs, however slowly, shows.
    assertLess(wakeups, 10);
  }, GUEST_PATIENCE),
);
