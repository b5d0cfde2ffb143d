/**
 * SIGTERM to the agent, in every state that it may be in.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Agent, exists } from "../_agent.ts";
import { until, untilStalled } from "../_bounded.ts";
import { processStat, writtenBytes } from "../_proc.ts";
import { dataFrame, decodeData, text, type Wire } from "../_wire.ts";
import { killDaemon, readDaemon, START_DAEMON } from "./_daemon.ts";
import { exhaustDescriptors, FEW_DESCRIPTORS } from "./exhaustion.ts";
import type { Fault } from "./_fault.ts";
import { startScript, stopGroup, untilGone } from "./_groups.ts";
import { fillLog } from "./unread_log.ts";

/** What there is when the agent is told to stop. */
interface State {
  /** What must be gone in the end. */
  readonly groups?: readonly number[];
  /** The connections, which stay open. */
  readonly wires?: readonly Wire[];
  /** Checks what the clients are told. */
  readonly check?: () => Promise<void>;
}

/** Makes a fault of a state in which the agent is told to stop. */
function stop(
  state: string,
  prepare: (agent: Agent) => Promise<State>,
  options: Partial<Fault> = {},
): Fault {
  return {
    name: `SIGTERM to the agent: ${state}`,
    ends: true,
    inject: async (agent) => {
      const { groups = [], wires = [], check } = await prepare(agent);
      try {
        const start = performance.now();
        agent.kill("SIGTERM");
        await check?.();
        const { code } = await agent.status;
        const time = performance.now() - start;
        assertEquals(code, 0, agent.stderr);
        assertEquals(exists(agent.path), false, "The socket's file is there");
        for (const group of groups) await untilGone(group);
        return `exit code 0 after ${(time / 1000).toFixed(1)} s`;
      } finally {
        for (const wire of wires) wire.close();
      }
    },
    ...options,
  };
}

/** Starts one command to be there when the agent stops. */
async function command(
  agent: Agent,
  script: string,
  processes: number,
  end: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<State & { wire: Wire; group: number }> {
  const { wire, group } = await startScript(agent, script, processes, fields);
  const check = async () => {
    assertEquals((await wire.readSession()).end, { type: "exit", ...end });
  };
  return { wire, group, wires: [wire], groups: [group], check };
}

const BY_SIGTERM = { exit_code: 143, signal: "SIGTERM" };
const BY_SIGHUP = { exit_code: 129, signal: "SIGHUP" };
const BY_SIGKILL = { exit_code: 137, signal: "SIGKILL" };
const IGNORES_TERM = "trap '' TERM; sleep 60 & sleep 60";

/** The states. */
export const STOPS: readonly Fault[] = [
  stop("no session", () => Promise.resolve({})),
  stop("before the first frame, and within it", async (agent) => {
    const wires = [
      await agent.connect(),
      await agent.open('{"type":"exec","argv":'),
    ];
    // By the time this is answered, both were accepted.
    await agent.exec(["true"]);
    const check = async () => {
      for (const wire of wires) {
        assertEquals((await wire.readSession()).end["code"], "busy");
      }
    };
    return { wires, check };
  }),
  stop(
    "a silent command",
    (agent) => command(agent, "sleep 60 & exec sleep 60", 2, BY_SIGTERM),
  ),
  stop(
    "a command that ignores SIGTERM",
    (agent) => command(agent, IGNORES_TERM, 3, BY_SIGKILL),
  ),
  stop("a command stopped by SIGSTOP", async (agent) => {
    const state = await command(agent, "exec sleep 60", 1, BY_SIGKILL);
    await stopGroup(state.group);
    return state;
  }),
  stop("output under way, to a client that doesn't read", async (agent) => {
    const { wire, group } = await startScript(agent, "exec yes", 1);
    await untilStalled(() => writtenBytes(group), "the command's output");
    return { wires: [wire], groups: [group] };
  }),
  stop("stdin under way, to a command that doesn't read", async (agent) => {
    const state = await command(agent, "exec sleep 60", 1, BY_SIGTERM);
    const data = dataFrame("stdin", new Uint8Array(1024 * 1024));
    const sending = state.wire.trySend(Array(8).fill(data));
    const check = async () => {
      await state.check?.();
      await sending;
    };
    return { ...state, check };
  }),
  stop(
    "a command on a terminal",
    (agent) =>
      command(agent, "exec sleep 60", 1, BY_SIGHUP, {
        tty: { rows: 24, cols: 80 },
      }),
  ),
  stop("a command's time was up, it ignored SIGTERM", async (agent) => {
    const state = await command(
      agent,
      `exec 2>/dev/null; trap 'echo up' TERM; while :; do sleep 0.05; done`,
      2,
      { ...BY_SIGKILL, timed_out: true },
      { timeout_ms: 200 },
    );
    assertEquals(text(decodeData(await state.wire.expect("stdout"))), "up\n");
    return state;
  }),
  stop("a command has exited, a daemon holds its pipes", async (agent) => {
    const argv = ["sh", "-c", `${START_DAEMON}; exit 3`];
    const wire = await agent.open({ type: "exec", argv });
    const group = await wire.expectStarted();
    const daemon = await readDaemon(wire);
    await until(() => processStat(group)?.state === "Z", "the exit");
    const check = async () => {
      try {
        assertEquals((await wire.readSession()).end.exit_code, 3);
      } finally {
        killDaemon(daemon);
      }
    };
    return { wires: [wire], groups: [group], check };
  }),
  stop("EMFILE, nobody can be accepted", async (agent) => {
    const state = await command(agent, "exec sleep 60", 1, BY_SIGTERM);
    const silent: Wire[] = [];
    await exhaustDescriptors(agent, silent);
    return { ...state, wires: [...state.wires ?? [], ...silent] };
  }, { agent: { prefix: FEW_DESCRIPTORS }, needs: ["prlimit"] }),
  stop("its log is full, and isn't read", async (agent) => {
    agent.holdLog();
    await fillLog(agent);
    const state = await command(agent, "exec sleep 60", 1, BY_SIGTERM);
    const check = async () => {
      await state.check?.();
      // Nothing of the log is read until the agent has ended.
      await until(
        () => (processStat(agent.pid)?.state ?? "Z") === "Z",
        "the agent's end",
      );
      agent.readLogOn();
    };
    return { ...state, check };
  }),
  {
    name: "SIGTERM to the agent: within the grace of another",
    ends: true,
    inject: async (agent) => {
      const { wire, group } = await startScript(agent, IGNORES_TERM, 3);
      using _ = wire;
      agent.kill("SIGTERM");
      await agent.waitForRecord(({ signal }) => signal === "SIGTERM");
      agent.kill("SIGTERM");
      assertEquals((await agent.status).code, 143);
      await untilGone(group);
      return "exit code 143 at once, and the commands killed";
    },
  },
];
