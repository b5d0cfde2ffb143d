/**
 * Fuzzing a real agent, through its socket.
 *
 * @module
 */

import fc from "fast-check";
import { Buffer } from "node:buffer";
import { type Agent, type LogRecord, startAgent } from "../tests/_agent.ts";
import { sleep, within } from "../tests/_bounded.ts";
import { residentBytes } from "../tests/_proc.ts";
import { checkAnswer } from "./answer.ts";
import {
  chunkSizes,
  cut,
  dataLine,
  frameLine,
  junkLine,
  mutated,
  rarely,
  rawFrame,
  transcript,
  valueOf,
} from "./inputs.ts";
import {
  type Batch,
  Finding,
  type OpenPart,
  type Part,
  type PartRun,
  runParallel,
} from "./part.ts";
import { mixSeed } from "./random.ts";

/** None of them writes anything, whatever its arguments are. */
const PROGRAMS = ["true", "cat", "echo", "head", "sleep"];
/** How many sessions there are at a time. */
const PARALLEL = 16;
/** The most data of one frame, in bytes. */
const MAX_DATA = 200_000;
/** How long a client waits for the end that may never come, in milliseconds. */
const PATIENCE = 300;
/** How much a client takes before it leaves, in bytes. */
const MAX_ANSWER = 4 * 1024 * 1024;
/** How long a client may take that sends, and doesn't wait, in milliseconds. */
const SEND_PATIENCE = 20_000;
/**
 * How much more resident memory than after the first batch the agent may have, in
 * bytes. Until the heap had the size that suits what goes on, this was 80 MiB, and
 * that was all in 20,000 sessions: 8 KiB that stay with each would be more by then.
 */
const MAX_GROWTH = 128 * 1024 * 1024;

const STDIN = { types: ["stdin"], maxBytes: MAX_DATA };

const word = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom("", "\0", "\ud800", "-n", "x".repeat(100_000)),
);

const argv = fc.oneof(
  {
    arbitrary: fc.constantFrom(
      ...[["true"], ["cat"], ["cat"], ["echo", "hi"], ["head", "-c", "5"]],
      ...[["head", "-c", "300000", "/dev/zero"], ["sleep", "0.01"]],
      ["cat", "/nonexistent"],
    ),
    weight: 12,
  },
  {
    arbitrary: fc.constantFrom(
      ...[["sleep", "60"], ["nonexistent"], ["sh", "-c", "true"], [], [""]],
      ...[["/bin/true"], ["./true"], ["true", "\0"], ["cat/"], ["/"]],
    ),
    weight: 2,
  },
  { arbitrary: word.map((word) => ["echo", word]), weight: 1 },
  { arbitrary: fc.array(word, { maxLength: 3 }), weight: 1 },
);

/** Where it matters that they are mostly right, or else little is run. */
const execFrame = fc.record({
  type: fc.constant("exec"),
  argv,
  env: rarely(
    fc.oneof(
      fc.dictionary(word, word, { maxKeys: 3 }),
      fc.constantFrom({ PATH: "" }, { LD_PRELOAD: "x" }, { TERM: "dumb" }),
    ),
    8,
  ),
  cwd: rarely(
    fc.oneof(word, fc.constantFrom("/", "/tmp", ".", "/nonexistent")),
    8,
  ),
  user: rarely(
    fc.oneof(word, fc.constantFrom("root", "0:0", "nobody", "65534:65534")),
    30,
  ),
  timeout_ms: rarely(
    fc.constantFrom(0, 1, 20, 1e9, Number.MAX_SAFE_INTEGER, -1, 1.5),
    8,
  ),
  clear_env: rarely(fc.boolean(), 4),
  tty: rarely(
    fc.record({
      rows: fc.nat({ max: 70_000 }),
      cols: fc.nat({ max: 300 }),
      term: rarely(word, 3),
    }),
    5,
  ),
  features: rarely(fc.subarray(["signals", "flow", "raw", "odd"]), 2),
}).map((frame) => JSON.stringify(frame));

const NEXT_TYPES = [
  ...["stdin", "stdin_close", "resize", "signal", "window", "odd"],
];
const ALL_TYPES = [...NEXT_TYPES, "exec", "info", "started", "exit", "stdout"];

/** What a client does. */
export interface SessionInput {
  /** What it sends. */
  readonly bytes: Buffer;
  /** The sizes of the writes. */
  readonly sizes: readonly number[];
  /**
   * How it ends: `wait` for the agent's end, `halfClose` and wait for it, `close`
   * right behind the last byte, or send without reading and `ignore` all answers.
   */
  readonly ending: "wait" | "halfClose" | "close" | "ignore";
}

const firstLine = fc.oneof(
  { arbitrary: execFrame, weight: 12 },
  { arbitrary: frameLine(ALL_TYPES), weight: 2 },
  { arbitrary: junkLine, weight: 1 },
);

const nextLines = transcript(
  fc.oneof(
    { arbitrary: frameLine(NEXT_TYPES), weight: 6 },
    { arbitrary: dataLine(STDIN), weight: 4 },
    { arbitrary: rawFrame(STDIN), weight: 4 },
    { arbitrary: fc.constant('{"type":"stdin_close"}'), weight: 2 },
    { arbitrary: frameLine(ALL_TYPES), weight: 1 },
    { arbitrary: junkLine, weight: 1 },
  ),
  6,
);

const sessionInput: fc.Arbitrary<SessionInput> = fc.record({
  bytes: fc.oneof(
    {
      arbitrary: fc.tuple(firstLine, mutated(nextLines)).map(joinLines),
      weight: 3,
    },
    {
      arbitrary: mutated(fc.tuple(firstLine, nextLines).map(joinLines)),
      weight: 1,
    },
  ),
  sizes: chunkSizes,
  ending: fc.constantFrom(
    ...["wait", "halfClose", "halfClose", "close", "ignore"] as const,
  ),
});

function joinLines([first, rest]: [string | Buffer, Buffer]): Buffer {
  return Buffer.concat([Buffer.from(first as string), Buffer.from("\n"), rest]);
}

/**
 * Returns what the client of an index does.
 *
 * @param seed What all inputs derive from.
 * @param index The index.
 * @returns What it does, or `undefined` if it would change this machine: `reseed`
 * is left to the tests in guests.
 */
export function sessionOf(
  seed: number,
  index: number,
): SessionInput | undefined {
  const input = valueOf(sessionInput, mixSeed(seed, index));
  return asksToReseed(input.bytes) ? undefined : input;
}

/**
 * Tells whether a session would be one of the kind that changes the machine, or
 * comes near to it.
 *
 * @param bytes What the client sends.
 */
export function asksToReseed(bytes: Buffer): boolean {
  const text = bytes.toString("latin1");
  if (text.includes("reseed")) return true;
  // However it is written.
  return text.split("\n").some((line) => {
    try {
      return JSON.parse(line)?.type === "reseed";
    } catch {
      return false;
    }
  });
}

/** The part of the fuzzer that is a client of a real agent. */
export const agentSessions: Part = {
  name: "sessions",
  inputs: 10_000,
  batch: 500,
  share: 0.4,
  open,
};

async function open({ seed }: PartRun): Promise<OpenPart> {
  const agent = await startAgent({
    args: [`--allow-run=${PROGRAMS.join(",")}`],
    keepRecord: (record) => "status" in record || isUnexpected(record),
  });
  // What it says of its surroundings is no session's doing.
  const said = agent.records.length;
  let baseline: number | undefined;
  return {
    async run(batch: Batch) {
      await runParallel(batch, PARALLEL, async (index) => {
        const input = sessionOf(seed, index);
        if (input === undefined) return;
        try {
          await converse(agent.path, input);
        } catch (error) {
          throw new Finding(index, describe(input), error);
        }
      });
      await checkAgent(agent, said);
      const resident = residentBytes(agent.pid);
      baseline ??= resident;
      if (resident > baseline + MAX_GROWTH) {
        throw new Error(
          `The agent has grown from ${baseline} to ${resident} bytes`,
        );
      }
    },
    [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
  };
}

/** Nothing that a client does is worth a warning. */
function isUnexpected({ level }: LogRecord): boolean {
  return level === "WARN" || level === "ERROR";
}

async function checkAgent(agent: Agent, said: number): Promise<void> {
  const { end } = await agent.exec(["true"]);
  if (end["type"] !== "exit") {
    throw new Error(`The agent doesn't run "true": ${JSON.stringify(end)}`);
  }
  await agent.checkClean(CLEANUP);
  const record = agent.records.slice(said).find(isUnexpected);
  if (record) throw new Error(`The agent logged ${JSON.stringify(record)}`);
}

/**
 * How long the agent may take to clean up behind a batch, in milliseconds: what is
 * on a terminal has two seconds to hang up.
 */
const CLEANUP = 10_000;

/** Does what a client does, and checks the answer. */
async function converse(
  path: string,
  { bytes, sizes, ending }: SessionInput,
): Promise<void> {
  using connection = await Deno.connect({ transport: "unix", path });
  const answer = ending === "ignore" ? undefined : new Received(connection);
  await within(
    send(connection, cut(bytes, sizes)),
    "the agent to take what it is sent, or to end",
    SEND_PATIENCE,
  );
  if (answer === undefined) return;
  if (ending === "halfClose") {
    await connection.closeWrite().catch(ignoreDisconnect);
  }
  if (ending !== "close") await Promise.race([answer.ended, sleep(PATIENCE)]);
  checkAnswer(answer.bytes, {
    ended: answer.over,
    asked: bytes.length > 0,
  });
}

/** What comes from a connection, until it ends or there is enough. */
class Received {
  /** Whether the other end has ended it. */
  over = false;
  /** Resolves when no more is taken. */
  readonly ended: Promise<void>;
  readonly #chunks: Uint8Array[] = [];

  constructor(connection: Deno.UnixConn) {
    this.ended = this.#read(connection);
  }

  /** All that has come. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  async #read(connection: Deno.UnixConn): Promise<void> {
    const chunk = new Uint8Array(64 * 1024);
    for (let length = 0; length < MAX_ANSWER;) {
      let count: number | null;
      try {
        count = await connection.read(chunk);
      } catch (error) {
        // Closed at this end.
        if (error instanceof Deno.errors.BadResource) return;
        if (error instanceof Deno.errors.Interrupted) return;
        ignoreDisconnect(error);
        count = null;
      }
      if (count === null) {
        this.over = true;
        return;
      }
      length += count;
      this.#chunks.push(chunk.slice(0, count));
    }
  }
}

async function send(
  connection: Deno.UnixConn,
  chunks: readonly Buffer[],
): Promise<void> {
  try {
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length;) {
        at += await connection.write(chunk.subarray(at));
      }
    }
  } catch (error) {
    ignoreDisconnect(error);
  }
}

/** The agent may end at any time. */
function ignoreDisconnect(error: unknown): void {
  if (
    !(error instanceof Deno.errors.BrokenPipe ||
      error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.NotConnected)
  ) throw error;
}

function describe({ bytes, sizes, ending }: SessionInput): string {
  return `${JSON.stringify(bytes.toString("latin1"))}, cut by ${
    JSON.stringify(sizes)
  }, then ${ending}`;
}
