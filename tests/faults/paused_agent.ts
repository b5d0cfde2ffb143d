/**
 * An agent that stands still for a while, as in a virtual machine that is
 * paused.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { sleep, until } from "../_bounded.ts";
import { processStat } from "../_proc.ts";
import { dataFrame, decodeData, text } from "../_wire.ts";
import type { Fault } from "./_fault.ts";
import { startScript } from "./_groups.ts";

/** How long it stands still, in milliseconds. */
const STANDSTILL = 2000;

/** An agent that is stopped, and goes on. */
export const PAUSED_AGENT: Fault = {
  name: "SIGSTOP to the agent for 2 s, then SIGCONT",
  inject: async (agent) => {
    const { wire } = await startScript(agent, "exec cat", 1);
    using _ = wire;
    const { wire: limited } = await startScript(
      ...[agent, "exec sleep 60", 1, { timeout_ms: STANDSTILL / 2 }] as const,
    );
    using _limited = limited;
    Deno.kill(agent.pid, "SIGSTOP");
    try {
      await until(
        () => processStat(agent.pid)?.state === "T",
        "the agent to stand still",
      );
      await wire.send(dataFrame("stdin", "on\n"));
      await sleep(STANDSTILL);
    } finally {
      Deno.kill(agent.pid, "SIGCONT");
    }
    assertEquals(text(decodeData(await wire.expect("stdout"))), "on\n");
    await wire.send({ type: "stdin_close" });
    assertEquals((await wire.readSession()).end, { type: "exit" });
    const { end } = await limited.readSession();
    assertEquals([end["signal"], end["timed_out"]], ["SIGTERM", true]);
    return "all sessions went on; a time that was up meanwhile ended its command then";
  },
};
