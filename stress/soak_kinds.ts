/**
 * The kinds of sessions that a soak consists of.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { info, output, type RemoteProcess, spawn } from "../client/mod.ts";
import { sleep, until } from "../tests/_bounded.ts";
import { startClient } from "../tests/_client.ts";
import { membersOf } from "../tests/_proc.ts";
import { sha256, Wire } from "../tests/_wire.ts";
import type { Random } from "./random.ts";

const MIB = 1024 * 1024;
/** The most data that one session sends or gets back, in bytes. */
const MAX_DATA = 4 * MIB;
/** How long what a client leaves behind may live on, in milliseconds. */
const AT_ONCE = 10_000;

/** What sessions share. */
export interface Ground {
  /** Where the agent listens. */
  readonly path: string;
  /** The agent's working directory. */
  readonly folder: string;
  /** Random bytes, of which sessions take pieces: {@linkcode POOL_BYTES} of them. */
  readonly pool: Uint8Array;
  /** A file with these bytes. */
  readonly file: string;
  /** What is counted. */
  readonly tally: Tally;
}

/** What sessions count together. */
export interface Tally {
  /** Bytes that went to commands. */
  sent: number;
  /** Bytes that came from commands. */
  received: number;
  /** Checksums of what came back that were others than of what was sent. */
  wrongChecksums: number;
}

/** How many random bytes there are to take pieces of. */
export const POOL_BYTES: number = 8 * MIB;

/** A kind of session. */
export interface Kind {
  /** What it is called in the result. */
  readonly name: string;
  /** How often it comes, beside the others. */
  readonly weight: number;
  /**
   * Runs one session, from its beginning to its end.
   *
   * @param ground What sessions share.
   * @param random Where its choices come from.
   * @throws {Error} If it ends in another way than it should.
   */
  run(ground: Ground, random: Random): Promise<void>;
}

/** All kinds. */
export const KINDS: readonly Kind[] = [
  { name: "true", weight: 10, run: runTrue },
  { name: "cat, raw", weight: 6, run: (...args) => runCat(...args, true) },
  { name: "cat, base64", weight: 6, run: (...args) => runCat(...args, false) },
  { name: "slow reader", weight: 3, run: readSlowly },
  { name: "terminal", weight: 4, run: useTerminal },
  { name: "time limit", weight: 3, run: exceedTime },
  { name: "signal", weight: 4, run: sendSignal },
  { name: "command killed", weight: 3, run: killCommand },
  { name: "client leaves", weight: 6, run: leaveEarly },
  { name: "half a frame", weight: 5, run: sendHalf },
  { name: "info", weight: 2, run: askInfo },
  { name: "client process", weight: 1, run: runClientProcess },
  { name: "client process killed", weight: 2, run: killClientProcess },
];

/** Takes a piece of the pool, of any order of magnitude. */
function piece({ pool }: Ground, random: Random): Uint8Array {
  const length = random.size(MAX_DATA);
  const start = random.integer(0, pool.length - length);
  return pool.subarray(start, start + length);
}

async function compare(
  { tally }: Ground,
  sent: Uint8Array,
  received: Uint8Array,
): Promise<void> {
  tally.received += received.length;
  if (await sha256(sent) !== await sha256(received)) {
    tally.wrongChecksums++;
    throw new Error(
      `${sent.length} bytes were sent, and ${received.length} others came back`,
    );
  }
}

async function runTrue({ path }: Ground): Promise<void> {
  assertEquals((await output({ unix: path }, ["true"])).code, 0);
}

async function runCat(
  ground: Ground,
  random: Random,
  raw: boolean,
): Promise<void> {
  const data = piece(ground, random);
  await using process = await spawn({ unix: ground.path }, ["cat"], {
    raw,
    stderr: "null",
  });
  const [received] = await Promise.all([
    collect(process),
    feed(process, data, random.size(256 * 1024)),
  ]);
  ground.tally.sent += data.length;
  await compare(ground, data, received);
  assertEquals((await process.status).code, 0);
}

async function feed(
  process: RemoteProcess,
  data: Uint8Array,
  size: number,
): Promise<void> {
  const writer = process.stdin.getWriter();
  const step = Math.max(size, Math.ceil(data.length / 1000));
  for (let at = 0; at < data.length; at += step) {
    await writer.write(data.subarray(at, at + step));
  }
  await writer.close();
}

async function collect({ stdout }: RemoteProcess): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stdout).arrayBuffer());
}

/** The command waits for its reader most of the time. */
async function readSlowly(ground: Ground, random: Random): Promise<void> {
  const length = random.size(MAX_DATA);
  const raw = random.pick([true, false]);
  await using process = await spawn(
    { unix: ground.path },
    ["head", "-c", String(length), ground.file],
    { stdin: "null", stderr: "null", raw },
  );
  const chunks: Uint8Array[] = [];
  let pauses = random.integer(1, 10);
  for await (const chunk of process.stdout) {
    chunks.push(chunk);
    if (pauses-- > 0) await sleep(random.integer(1, 50));
  }
  await compare(
    ground,
    ground.pool.subarray(0, length),
    Buffer.concat(chunks),
  );
  assertEquals((await process.status).code, 0);
}

async function useTerminal({ path }: Ground, random: Random): Promise<void> {
  const [rows, cols] = [random.integer(1, 500), random.integer(1, 500)];
  await using process = await spawn({ unix: path }, [
    ...["sh", "-c", 'read line; stty size; echo "<$line>"'],
  ], { tty: { rows: 24, cols: 80 } });
  process.resize({ rows, cols });
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode("hello\n"));
  const text = await new Response(process.stdout).text();
  assertEquals((await process.status).code, 0);
  for (const expected of [`${rows} ${cols}\r\n`, "<hello>\r\n"]) {
    assert(text.includes(expected), `Got ${JSON.stringify(text)}`);
  }
}

async function exceedTime({ path }: Ground, random: Random): Promise<void> {
  const { code, timedOut } = await output({ unix: path }, ["sleep", "60"], {
    timeout: random.integer(1, 300),
  });
  assertEquals([code, timedOut], [143, true]);
}

async function sendSignal({ path }: Ground, random: Random): Promise<void> {
  const signal = random.pick(["SIGTERM", "SIGINT", "SIGHUP"] as const);
  await using process = await spawn({ unix: path }, ["sleep", "60"], {
    stdin: "null",
  });
  await sleep(random.integer(0, 30));
  process.kill(signal);
  assertEquals((await process.status).signal, signal);
}

/** As by the kernel when memory runs out. */
async function killCommand({ path }: Ground, random: Random): Promise<void> {
  await using process = await spawn({ unix: path }, ["cat"]);
  await sleep(random.integer(0, 50));
  Deno.kill(process.pid, "SIGKILL");
  const { code, signal } = await process.status;
  assertEquals([code, signal], [137, "SIGKILL"]);
}

/** The client closes its connection while it sends, or while much comes. */
async function leaveEarly(ground: Ground, random: Random): Promise<void> {
  const argv = random.pick([
    ["cat", ground.file],
    ["cat"],
    ["sleep", "60"],
    ["sh", "-c", "cat & cat & sleep 60"],
  ]);
  const pid = await (async () => {
    await using process = await spawn({ unix: ground.path }, argv);
    const writer = process.stdin.getWriter();
    writer.closed.catch(() => {});
    writer.write(piece(ground, random)).catch(() => {});
    const reader = process.stdout.getReader();
    for (let reads = random.integer(0, 3); reads > 0; reads--) {
      await Promise.race([reader.read(), sleep(20)]);
    }
    return process.pid;
  })();
  await assertGone(pid);
}

async function assertGone(group: number): Promise<void> {
  await until(
    () => membersOf(group).length === 0,
    () => `the end of ${JSON.stringify(membersOf(group))}`,
    AT_ONCE,
  );
}

/** The connection breaks within the first frame, or a later one. */
async function sendHalf(ground: Ground, random: Random): Promise<void> {
  using wire = await Wire.connect(ground.path);
  const data = Buffer.from(piece(ground, random)).toString("base64");
  const session =
    `{"type":"exec","argv":["cat"]}\n{"type":"stdin","data":"${data}"}\n`;
  const sent = wire.trySend([session.slice(0, random.size(session.length))]);
  // Nobody reads what comes back, so that it may wait for ever.
  await Promise.race([sent, sleep(random.integer(1, 50))]);
  wire.close();
  await sent;
}

async function askInfo({ path }: Ground): Promise<void> {
  assertEquals((await info({ unix: path }))?.os, "linux");
}

async function runClientProcess(
  ground: Ground,
  random: Random,
): Promise<void> {
  const data = piece(ground, random);
  const flags = random.pick([[], ["--no-raw"]]);
  await using client = startClient(
    ["--unix", ground.path, ...flags, "--", "cat"],
    { stdin: new Blob([data as Uint8Array<ArrayBuffer>]).stream() },
  );
  const { code, bytes, stderr } = await client.output(CLIENT_PATIENCE);
  assertEquals([code, stderr], [0, ""]);
  ground.tally.sent += data.length;
  await compare(ground, data, bytes);
}

/** How long a client's process may take, in milliseconds. */
const CLIENT_PATIENCE = 60_000;

async function killClientProcess(
  { path }: Ground,
  random: Random,
): Promise<void> {
  const feeding = new AbortController();
  const endless = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await sleep(1);
      if (feeding.signal.aborted) controller.close();
      else controller.enqueue(new Uint8Array(1000));
    },
  });
  await using client = startClient(
    ["--unix", path, "--", "sh", "-c", "cat; sleep 60"],
    { stdin: endless },
  );
  // Before it has connected, while it does, or in the midst of its command.
  await sleep(random.integer(0, 400));
  client.kill("SIGKILL");
  feeding.abort();
  assertEquals((await client.output()).code, 137);
}
