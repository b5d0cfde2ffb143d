import { assertLess } from "@std/assert";
import { format as formatBytes } from "@std/fmt/bytes";
import { output } from "../../client/mod.ts";
import { sleep } from "../_bounded.ts";
import { countWakeups, parseSpent, PRINT_SPENT } from "../_spent.ts";
import { text } from "../_wire.ts";
import { bootFiles, Guest, startObserver, withGuests } from "./_guest.ts";

const MINUTE = 60_000;
/** How long it may tidy up before, in milliseconds. */
const SETTLE = 5000;

Deno.test(
  "An idle agent in a guest sleeps through a minute",
  withGuests(async () => {
    using files = await bootFiles();
    await using guest = await Guest.boot(files);
    const agent = await guest.sh("pidof cocoon-agent");
    const observer = await startObserver(guest);
    const spent = async () => {
      const argv = ["sh", "-c", PRINT_SPENT, "sh", agent];
      const { stdout } = await output(observer, argv);
      return parseSpent(text(stdout));
    };

    // A second after the last session the agent gives its memory back.
    await sleep(SETTLE);
    const before = await spent();
    await sleep(MINUTE);
    const after = await spent();
    const wakeups = countWakeups(before, after);
    console.log(
      `A minute idle: ${formatBytes(after.rss, { binary: true })} resident, ${
        after.time - before.time
      } ms of the processor, ${wakeups} wakeups`,
    );
    // A timer that recurs every few seconds shows.
    assertLess(wakeups, 10);
  }),
);
