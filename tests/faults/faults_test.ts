import { assertEquals } from "@std/assert";
import { bounded } from "../_bounded.ts";
import { FAULTS } from "./all_faults.ts";
import { missingFor, runFault } from "./_fault.ts";

/** How long a fault goes on that could do so for minutes, in milliseconds. */
const DURATION = 500;
/** How long all stops may take, one agent each at once, in milliseconds. */
const STOPS_PATIENCE = 60_000;

for (const fault of FAULTS.filter(({ ends }) => !ends)) {
  Deno.test({
    name: `serve goes on, and with the others' sessions: ${fault.name}`,
    ignore: missingFor(fault) !== undefined,
    fn: bounded(async () => {
      await runFault(fault, DURATION);
    }),
  });
}

Deno.test("serve ends as it should on SIGTERM in every state", async (t) => {
  await bounded(async () => {
    const passed = await Promise.all(
      FAULTS.filter((fault) => fault.ends && !missingFor(fault)).map((fault) =>
        // The test as a whole is sanitized: its steps overlap.
        t.step({
          name: fault.name,
          fn: async () => {
            await runFault(fault, DURATION);
          },
          sanitizeOps: false,
          sanitizeResources: false,
          sanitizeExit: false,
        })
      ),
    );
    assertEquals(passed.includes(false), false);
  }, STOPS_PATIENCE)(t);
});
