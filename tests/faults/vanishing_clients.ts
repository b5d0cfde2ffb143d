/**
 * Clients that vanish at each frame boundary of a session, and within frames.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Agent } from "../_agent.ts";
import { SOURCES } from "../_program.ts";
import { Running } from "../_running.ts";
import { dataFrame } from "../_wire.ts";
import type { Fault } from "./_fault.ts";
import { untilGone } from "./_groups.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What a client sends from the first frame to the last, on pipes and on a terminal. */
const SESSIONS: readonly (readonly Fields[])[] = [
  [
    { type: "exec", features: ["flow"] },
    dataFrame("stdin", "one\n"),
    dataFrame("stdin", "two\n"),
    { type: "signal", signal: "SIGCONT" },
    dataFrame("stdin", "three\n"),
    { type: "stdin_close" },
  ],
  [
    { type: "exec", tty: { rows: 24, cols: 80 } },
    dataFrame("stdin", "one\n"),
    { type: "resize", rows: 30, cols: 90 },
    { type: "signal", signal: "SIGCONT" },
    { type: "stdin_close" },
  ],
];

/** Which share of the next frame is sent, beside none of it. */
const PARTS = [0.001, 0.5, 0.999];

/** How much of a session a client sends. */
interface Beginning {
  /** The session. */
  readonly session: readonly Fields[];
  /** How many of its frames. */
  readonly frames: number;
  /** Which share of the next one. */
  readonly part: number;
}

/** At each boundary. */
const BOUNDARIES: readonly Beginning[] = SESSIONS.flatMap((session) =>
  Array.from(
    { length: session.length + 1 },
    (_, frames) => ({ session, frames, part: 0 }),
  )
);

/** Within each frame. */
const MIDDLES: readonly Beginning[] = BOUNDARIES
  .filter(({ session, frames }) => frames < session.length)
  .flatMap((beginning) => PARTS.map((part) => ({ ...beginning, part })));

let commands = 0;

/**
 * Has a client vanish, and checks that its command does.
 *
 * @returns How it ended: the exit code, if it came to that before it was lost.
 */
async function vanish(
  agent: Agent,
  { session, frames, part }: Beginning,
  sendAndVanish: (text: string) => Promise<void>,
): Promise<unknown> {
  const name = `command-${commands++}`;
  const argv = ["sh", "-c", "cat", name];
  const lines = session.map((frame, index) =>
    `${JSON.stringify(index === 0 ? { ...frame, argv } : frame)}\n`
  );
  const next = lines[frames] ?? "";
  // Never all of it, and of the shortest a byte.
  const length = Math.ceil(part * (next.length - 1));
  await sendAndVanish(
    lines.slice(0, frames).join("") + next.slice(0, length),
  );
  if (frames === 0) return undefined;
  const { pid, exitCode } = await agent.waitForRecord((record) =>
    Array.isArray(record["argv"]) && record["argv"].includes(name)
  );
  // It may be lost before its command has begun.
  if (typeof pid === "number") await untilGone(pid);
  return exitCode;
}

/**
 * Closes the connection as soon as all was sent. Deno half-closes it first, so
 * that the command may just come to its end.
 */
function closeAtOnce(agent: Agent): (text: string) => Promise<void> {
  return async (text) => {
    using wire = await agent.connect();
    await wire.send(text);
  };
}

/** Closes the connection when the agent has said something, if it will. */
function closeOnceAnswered(agent: Agent): (text: string) => Promise<void> {
  return async (text) => {
    using wire = await agent.connect();
    await wire.send(text);
    if (text.includes("\n")) await wire.expectStarted();
  };
}

/** Kills a client's process by SIGKILL. */
function kill(agent: Agent): (text: string) => Promise<void> {
  return async (text) => {
    const file = `${SOURCES}tests/faults/_transcript_client.ts`;
    const args = ["run", "--allow-all", file, agent.path, text];
    await using client = new Running([Deno.execPath(), ...args]);
    await client.stdout.expect("sent\n");
    client.kill("SIGKILL");
    await client.code;
  };
}

/** What vanishes. */
export const VANISHING_CLIENTS: readonly Fault[] = [
  {
    name: "a client that vanishes at a frame boundary, or within a frame",
    inject: async (agent) => {
      const beginnings = [...BOUNDARIES, ...MIDDLES];
      for (const beginning of beginnings) {
        await vanish(agent, beginning, closeAtOnce(agent));
        await vanish(agent, beginning, closeOnceAnswered(agent));
      }
      return `at ${BOUNDARIES.length} boundaries and ${MIDDLES.length} places within, twice each: no command was left`;
    },
  },
  {
    name: "a client killed by SIGKILL at a frame boundary",
    inject: async (agent) => {
      for (const session of SESSIONS) {
        const beginnings = BOUNDARIES.filter((beginning) =>
          beginning.session === session
        );
        const exitCodes = await Promise.all(
          beginnings.map((beginning) => vanish(agent, beginning, kill(agent))),
        );
        // After the last frame it may have exited.
        exitCodes.pop();
        assertEquals(exitCodes, exitCodes.map(() => undefined));
      }
      return `at each of ${BOUNDARIES.length} boundaries: no command was left`;
    },
  },
];
