/**
 * Commands that don't end, or not all of them.
 *
 * @module
 */

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { membersOf, processStat } from "../_proc.ts";
import { dataFrame, decodeData, text } from "../_wire.ts";
import { killDaemon, readDaemon, START_DAEMON } from "./_daemon.ts";
import type { Fault } from "./_fault.ts";
import { startScript, stopGroup, untilGone } from "./_groups.ts";

/** Not even timers that are early may fire before that, in milliseconds. */
const GRACE = 1990;

/** What is to happen to commands that a client, or nobody, ends in time. */
export const STUBBORN_COMMANDS: readonly Fault[] = [
  {
    name: "SIGSTOP to a command, then its client leaves",
    inject: async (agent) => {
      const { wire, group } = await startScript(
        ...[agent, "sleep 60 & exec sleep 60", 2] as const,
      );
      await stopGroup(group);
      wire.close();
      const time = await untilGone(group);
      return `its group was gone after ${Math.round(time)} ms`;
    },
  },
  {
    name: "SIGSTOP to a command, then its time is up",
    inject: async (agent) => {
      const { wire, group } = await startScript(
        ...[agent, "exec sleep 60", 1, { timeout_ms: 500 }] as const,
      );
      using _ = wire;
      await stopGroup(group);
      const { end } = await wire.readSession();
      assertEquals(end, {
        ...{ type: "exit", exit_code: 137 },
        ...{ signal: "SIGKILL", timed_out: true },
      });
      await untilGone(group);
      return "SIGKILL ended it two seconds after the SIGTERM that it didn't see";
    },
  },
  {
    name: "SIGSTOP to a command, then its client sends SIGCONT",
    inject: async (agent) => {
      const { wire, group } = await startScript(agent, "exec cat", 1);
      using _ = wire;
      await stopGroup(group);
      await wire.send(dataFrame("stdin", "on\n"));
      await wire.send({ type: "signal", signal: "SIGCONT" });
      const data = decodeData(await wire.expect("stdout"));
      assertEquals(text(data), "on\n");
      await wire.send({ type: "stdin_close" });
      assertEquals((await wire.readSession()).end, { type: "exit" });
      return "it went on, with what was sent meanwhile";
    },
  },
  {
    name: "a command that ignores SIGTERM, when its time is up",
    inject: async (agent) => {
      const start = performance.now();
      const timeout = 300;
      const { wire, group } = await startScript(
        ...[agent, "trap '' TERM; sleep 60 & sleep 60", 3] as const,
        { timeout_ms: timeout },
      );
      using _ = wire;
      const { end } = await wire.readSession();
      assertEquals(end["signal"], "SIGKILL");
      assertEquals(end["timed_out"], true);
      const grace = performance.now() - start - timeout;
      assertGreaterOrEqual(grace, GRACE);
      await untilGone(group);
      return `SIGKILL ended its group after ${
        (grace / 1000).toFixed(1)
      } s more`;
    },
  },
  {
    name: "a command that ignores SIGTERM, when its client leaves",
    inject: async (agent) => {
      const { wire, group } = await startScript(
        ...[agent, "trap '' TERM HUP INT; sleep 60 & sleep 60", 3] as const,
      );
      await wire.send({ type: "signal", signal: "SIGTERM" });
      // Answered behind the signal.
      await agent.exec(["true"]);
      assertEquals(membersOf(group).length, 3);
      wire.close();
      const time = await untilGone(group);
      return `its group was gone after ${Math.round(time)} ms`;
    },
  },
  {
    name: "a daemon that holds the pipes when its command exits",
    inject: async (agent) => {
      using wire = await agent.open({
        ...{ type: "exec", argv: ["sh", "-c", `${START_DAEMON}; exit 3`] },
      });
      const start = performance.now();
      await wire.expectStarted();
      const daemon = await readDaemon(wire);
      try {
        assertEquals((await wire.readSession()).end.exit_code, 3);
        const time = performance.now() - start;
        assertGreaterOrEqual(time, GRACE);
        return `the exit frame came after ${(time / 1000).toFixed(1)} s`;
      } finally {
        killDaemon(daemon);
      }
    },
  },
  {
    name: "a daemon that holds the pipes when the client leaves",
    inject: async (agent) => {
      const argv = ["sh", "-c", `${START_DAEMON}; exec sleep 60`];
      const wire = await agent.open({ type: "exec", argv });
      const group = await wire.expectStarted();
      const daemon = await readDaemon(wire);
      try {
        assert(processStat(daemon)?.group !== group);
        wire.close();
        await untilGone(group);
        await agent.waitForRecord(({ lost, pid }) =>
          lost === true && pid === group
        );
        return processStat(daemon)
          ? "the command's group was gone; the daemon, in a session of its own, stayed"
          : "the command's group was gone, and the daemon";
      } finally {
        killDaemon(daemon);
      }
    },
  },
];
