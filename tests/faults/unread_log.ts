/**
 * An agent whose log nobody takes.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Agent } from "../_agent.ts";
import type { Fault } from "./_fault.ts";

/**
 * How many sessions fill the log, by two records each: a pipe's worth, and all that
 * may wait.
 */
const SESSIONS = 800;
/** How many of them there are at a time. */
const AT_ONCE = 10;

/**
 * Runs commands, each of which leaves records, until the log of an
 * agent is full that nobody reads.
 *
 * @param agent The agent.
 */
export async function fillLog(agent: Agent): Promise<void> {
  let count = 0;
  const some = async () => {
    while (count++ < SESSIONS) {
      assertEquals((await agent.exec(["true"])).end, { type: "exit" });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
}

/** What may become of the reader of a log. */
export const UNREAD_LOG: readonly Fault[] = [
  {
    name: "the agent's log isn't read, and is full",
    inject: async (agent) => {
      const known = agent.records.length;
      agent.holdLog();
      try {
        await fillLog(agent);
      } finally {
        agent.readLogOn();
      }
      const { dropped } = await agent.waitForRecord((record) =>
        typeof record["dropped"] === "number" &&
        agent.records.indexOf(record) >= known
      );
      return `the log lacked ${dropped} records then, and said so`;
    },
  },
  {
    name: "the agent's log is closed by who reads it",
    inject: async (agent) => {
      await agent.closeLog();
      await fillLog(agent);
      return "nobody was told anything any more";
    },
  },
];
