/**
 * Agents that clients should not meet.
 *
 * @module
 */

import fc from "fast-check";
import { Buffer } from "node:buffer";
import type { HybridTarget, UnixTarget } from "../client/mod.ts";
import { Peer } from "../tests/_peer.ts";
import { sleep } from "../tests/_bounded.ts";
import type { Wire } from "../tests/_wire.ts";
import {
  chunkSizes,
  cut,
  dataLine,
  FRAME_TYPES,
  frameLine,
  junkLine,
  mutated,
  rarely,
  rawFrame,
  transcript,
} from "./inputs.ts";

const OUTPUT = { types: ["stdout", "stderr"], maxBytes: 100_000 };

const FEATURES = ["placement", "tty", "signals", "flow", "raw"];
/** What an agent says that can do all there is. */
const INFO = Buffer.from(
  `${
    JSON.stringify({
      ...{ type: "info", version: "1", protocol: 1, features: FEATURES },
      ...{ os: "linux", arch: "x", boot_id: "x", uptime_ms: 1 },
    })
  }\n{"type":"exit"}\n`,
);

/** What one of them does with a connection. */
export interface HostileAnswer {
  /** What it sends. */
  readonly bytes: Buffer;
  /** The sizes of its writes. */
  readonly sizes: readonly number[];
  /** Whether it sends before it was asked. */
  readonly early: boolean;
  /** Whether it answers a first question for its facts as it should. */
  readonly informs: boolean;
  /**
   * What it answers to the `CONNECT` of a hybrid socket; without it, it listens on
   * a unix socket of its own.
   */
  readonly handshake: string | undefined;
  /** How it ends: it closes, with what it was sent unread, or never. */
  readonly ending: "close" | "linger";
}

const started = fc.record({
  type: fc.constant("started"),
  pid: fc.nat({ max: 5_000_000 }),
  features: fc.option(
    fc.oneof(fc.subarray(FEATURES), fc.constant(FEATURES)),
    { freq: 8 },
  ),
  window: fc.option(fc.nat({ max: 600_000 }), { freq: 4 }),
}).map((frame) => JSON.stringify(frame));

const exit = fc.record({
  type: fc.constant("exit"),
  exit_code: fc.oneof(fc.nat({ max: 255 }), fc.integer()),
}).map((frame) => JSON.stringify(frame));

const OUTPUT_TYPES = ["stdout", "stderr", "window", "exit", "error", "odd"];

const rest = transcript(
  fc.oneof(
    { arbitrary: dataLine(OUTPUT), weight: 6 },
    { arbitrary: rawFrame(OUTPUT), weight: 6 },
    { arbitrary: frameLine(OUTPUT_TYPES), weight: 4 },
    { arbitrary: frameLine(FRAME_TYPES), weight: 1 },
    { arbitrary: junkLine, weight: 1 },
  ),
  8,
);

/** What a hostile agent does. */
export const hostileAnswer: fc.Arbitrary<HostileAnswer> = fc.record({
  bytes: mutated(
    fc.tuple(
      fc.oneof(
        { arbitrary: started, weight: 10 },
        { arbitrary: frameLine(FRAME_TYPES), weight: 2 },
        { arbitrary: junkLine, weight: 1 },
      ),
      rest,
      fc.oneof(
        { arbitrary: exit, weight: 3 },
        { arbitrary: fc.constant(""), weight: 1 },
      ),
    ).map(([first, rest, exit]) =>
      Buffer.concat([
        Buffer.from(first as string),
        Buffer.from("\n"),
        rest,
        Buffer.from(`${exit}\n`),
      ])
    ),
  ),
  sizes: chunkSizes,
  early: fc.boolean(),
  informs: fc.boolean(),
  handshake: rarely(
    fc.constantFrom(
      ...[
        "OK 1073741824\n",
        "OK 1\n",
        "OK 1\n",
        "",
        "NO\n",
        "OK x\n",
        "OK 1\r\n",
      ],
      ...["\n", `OK ${"1".repeat(100)}\n`, '{"type":"exit"}\n'],
    ),
    5,
  ),
  ending: fc.constantFrom("close", "close", "close", "linger"),
});

/** How long an agent that never ends stays, if the client doesn't leave before. */
const LINGER = 400;

/**
 * Starts a hostile agent on a unix socket.
 *
 * @param answer What it does.
 */
export function hostileAgent(answer: HostileAnswer): Peer {
  let informs = answer.informs;
  return new Peer(async (wire, closing) => {
    if (answer.handshake !== undefined) {
      await firstLine(wire);
      await wire.trySend([answer.handshake]);
    }
    if (informs) {
      informs = false;
      const line = await firstLine(wire);
      if (line.includes('"info"')) return await wire.trySend([INFO]);
    } else if (!answer.early) await firstLine(wire);
    await wire.trySend(cut(answer.bytes, answer.sizes));
    if (answer.ending === "linger") {
      await Promise.race([closing, sleep(LINGER)]);
    }
  });
}

async function firstLine(wire: Wire): Promise<string> {
  return await wire.readLine().catch(() => undefined) ?? "";
}

/**
 * Returns where a client finds a hostile agent.
 *
 * @param path The path of its socket.
 * @param answer What it does.
 */
export function hostileTarget(
  path: string,
  { handshake }: HostileAnswer,
): UnixTarget | HybridTarget {
  return handshake === undefined ? { unix: path } : { uds: path };
}

/**
 * Describes a hostile agent, for people.
 *
 * @param answer What it does.
 */
export function describeAnswer(
  { bytes, sizes, early, informs, handshake, ending }: HostileAnswer,
): string {
  return `${JSON.stringify(bytes.toString("latin1"))}, cut by ${
    JSON.stringify(sizes)
  }${early ? ", early" : ""}${informs ? ", behind its facts" : ""}${
    handshake === undefined ? "" : `, behind ${JSON.stringify(handshake)}`
  }, then ${ending}`;
}
