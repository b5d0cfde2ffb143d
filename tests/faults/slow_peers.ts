/**
 * Clients and commands that take or give little at a time, or nothing.
 *
 * @module
 */

import { assertEquals, assertLess } from "@std/assert";
import { format as formatBytes } from "@std/fmt/bytes";
import { Buffer } from "node:buffer";
import type { Agent } from "../_agent.ts";
import { sleep, until } from "../_bounded.ts";
import { residentBytes, writtenBytes } from "../_proc.ts";
import {
  dataFrame,
  decodeData,
  randomBytes,
  sha256,
  text,
  type Wire,
  type WireFrame,
} from "../_wire.ts";
import type { Fault } from "./_fault.ts";
import { startScript, untilGone } from "./_groups.ts";
import { TinySocket } from "./_tiny_socket.ts";

/** How many sessions have tiny sockets at a time. */
const TRICKLES = 8;
/** How much passes through each, in bytes of its command's. */
const TRICKLE = 2048;
/** How often a slow peer does something, in milliseconds. */
const INTERVAL = 100;
/** How much a slow client reads then. */
const SLOW_READ = 1024;
/** What may be on its way to a client that doesn't read: pipe, agent, socket. */
const MOST_UNREAD = 4 * 1024 * 1024;
const MIB = 1024 * 1024;
/** How much stdin each frame has that is sent without credit. */
const FRAME = 32 * 1024;
/** How much stdin the agent takes on credit. */
const WINDOW = 512 * 1024;

/** Encodes a frame as it is sent. */
function encodeLine(frame: WireFrame): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(frame)}\n`);
}

/** Sends bytes through a command that reads and writes them one by one. */
async function trickle(agent: Agent): Promise<number> {
  using socket = new TinySocket(agent.path);
  const argv = ["dd", "bs=1", "status=none"];
  const bytes = randomBytes(TRICKLE);
  const middle = bytes.length / 2;
  const frames = [
    { type: "exec", argv },
    dataFrame("stdin", bytes.subarray(0, middle)),
    dataFrame("stdin", bytes.subarray(middle)),
    { type: "stdin_close" },
  ];
  const sent = socket.write(Buffer.concat(frames.map(encodeLine)));
  const output: Buffer[] = [];
  for (;;) {
    const frame = JSON.parse(await socket.readLine() ?? "null");
    if (frame?.type === "stdout") output.push(decodeData(frame));
    else if (frame?.type !== "started") {
      assertEquals(frame, { type: "exit" });
      break;
    }
  }
  await sent;
  assertEquals(await sha256(Buffer.concat(output)), await sha256(bytes));
  return socket.refusals;
}

/** Watches how much memory a process has at most, until it is told to end. */
async function watchMemory(pid: number, over: Promise<void>): Promise<number> {
  let most = 0;
  let watching = true;
  over.finally(() => watching = false).catch(() => {});
  while (watching) {
    most = Math.max(most, residentBytes(pid));
    await sleep(INTERVAL);
  }
  return most;
}

/** Reads a little of an endless output, again and again. */
async function readSlowly(
  wire: Wire,
  group: number,
  duration: number,
): Promise<void> {
  const end = performance.now() + duration;
  let read = 0;
  do {
    read += (await wire.readChunk(SLOW_READ))!.length;
    assertLess(writtenBytes(group) - read, MOST_UNREAD);
    await sleep(INTERVAL);
  } while (performance.now() < end);
}

/** What is slow. */
export const SLOW_PEERS: readonly Fault[] = [
  {
    name: "EAGAIN: 1-byte writes and reads at both ends, tiny buffers",
    inject: async (agent) => {
      const refusals = await Promise.all(
        Array.from({ length: TRICKLES }, () => trickle(agent)),
      );
      const sum = refusals.reduce((a, b) => a + b);
      return `${TRICKLES} sessions passed ${
        formatBytes(TRICKLES * TRICKLE, { binary: true })
      } unchanged, with ${sum} times EAGAIN at the clients`;
    },
  },
  {
    name: "a full pipe: the command doesn't read, the client sends on",
    inject: async (agent) => {
      using socket = new TinySocket(agent.path);
      await socket.write(encodeLine({ type: "exec", argv: ["sleep", "60"] }));
      const { pid } = JSON.parse(await socket.readLine() ?? "null");
      const frame = dataFrame("stdin", new Uint8Array(FRAME));
      // The pipe's MiB, and in base64 at that.
      const taken = await socket.fill(encodeLine(frame), MIB);
      socket[Symbol.dispose]();
      const time = await untilGone(pid);
      return `${
        formatBytes(taken, { binary: true })
      } of frames were taken; the group was gone ${
        Math.round(time)
      } ms after the client`;
    },
  },
  {
    name: "a full pipe: the client has spent its credit",
    inject: async (agent) => {
      const script = "trap 'echo resized' WINCH; stty raw -echo; echo ready";
      const argv = ["sh", "-c", `${script}; while :; do sleep 0.05; done`];
      using wire = await agent.open({
        ...{ type: "exec", argv, features: ["flow"] },
        tty: { rows: 24, cols: 80 },
      });
      await wire.expectStarted();
      await expectOutput(wire, "ready");
      const data = new Uint8Array(WINDOW / 8);
      for (let i = 0; i < 8; i++) await wire.send(dataFrame("stdin", data));
      await wire.send({ type: "resize", rows: 30, cols: 90 });
      await expectOutput(wire, "resized");
      await wire.send({ type: "signal", signal: "SIGKILL" });
      const { end } = await wire.readSession();
      assertEquals(end["signal"], "SIGKILL");
      return "a resize and a signal came through at once";
    },
  },
  {
    name: "a client that reads 1 KiB each 100 ms of an endless output",
    lasting: true,
    inject: async (agent, duration) => {
      const { wire, group } = await startScript(agent, "exec yes", 1);
      const before = residentBytes(agent.pid);
      const reading = readSlowly(wire, group, duration).finally(() =>
        wire.close()
      );
      const most = await watchMemory(agent.pid, reading);
      await reading;
      await untilGone(group);
      return `the command was held up; the agent had ${
        formatBytes(before, { binary: true })
      }, at most ${formatBytes(most, { binary: true })}`;
    },
  },
  {
    name: "a client that sends a byte each 100 ms",
    lasting: true,
    inject: async (agent, duration) => {
      const { wire } = await startScript(agent, "exec cat", 1);
      using _ = wire;
      const end = performance.now() + duration;
      let count = 0;
      do {
        await wire.send(dataFrame("stdin", "x"));
        const data = decodeData(await wire.expect("stdout"));
        assertEquals(text(data), "x");
        count++;
        await sleep(INTERVAL);
      } while (performance.now() < end);
      await wire.send({ type: "stdin_close" });
      assertEquals((await wire.readSession()).end, { type: "exit" });
      return `each of ${count} bytes came back`;
    },
  },
  {
    name: "1,000 connections that never send a frame",
    lasting: true,
    inject: async (agent, duration) => {
      const before = residentBytes(agent.pid);
      const silent: Wire[] = [];
      try {
        for (let i = 0; i < 1000; i++) silent.push(await agent.connect());
        // By the time this is answered, all were accepted.
        await agent.exec(["true"]);
        await sleep(duration);
        return `they took ${
          formatBytes(residentBytes(agent.pid) - before, { binary: true })
        } of memory`;
      } finally {
        for (const wire of silent) wire.close();
      }
    },
  },
];

/** Reads output up to and with something. */
async function expectOutput(wire: Wire, what: string): Promise<void> {
  let output = "";
  await until(async () => {
    output += text(decodeData(await wire.expect("stdout")));
    return output.includes(what);
  }, what);
}
