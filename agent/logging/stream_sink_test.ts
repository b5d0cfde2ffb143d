import type { LogRecord } from "@logtape/logtape";
import { assert, assertEquals } from "@std/assert";
import {
  disposablePipe,
  until,
  withoutFdLeaks,
} from "../../ffi/_test_utils.ts";
import { F_SETFL, F_SETPIPE_SZ, O_NONBLOCK, O_WRONLY } from "../../ffi/abi.ts";
import { Errno, OsError } from "../../ffi/errno.ts";
import { Fd } from "../../ffi/fd.ts";
import { InheritedFd } from "../../ffi/inherited_fd.ts";
import { libc } from "../../ffi/libc.ts";
import { streamSink } from "./stream_sink.ts";

function record(text: string): LogRecord {
  return {
    category: ["test"],
    level: "info",
    message: [text],
    rawMessage: text,
    properties: {},
    timestamp: 0,
  };
}

function format({ message, level }: LogRecord): string {
  return `${level}: ${message.join("")}\n`;
}

function dropped(count: number): string {
  return `warning: ${count} records were dropped: the log was full, or was not read in time\n`;
}

/** A stream that takes a number of bytes, and then fails or has no room. */
class Stream {
  text = "";
  room = 0;
  attempts = 0;
  #opened = Promise.withResolvers<void>();

  constructor(readonly failure?: number) {}

  tryWrite(bytes: Uint8Array): number | null {
    this.attempts++;
    const count = Math.min(this.room, bytes.length);
    if (count === 0) {
      if (this.failure !== undefined) throw new OsError(this.failure, "write");
      return null;
    }
    this.room -= count;
    this.text += new TextDecoder().decode(bytes.subarray(0, count));
    return count;
  }

  writable(): Promise<void> {
    return this.#opened.promise;
  }

  makeRoom(bytes = Infinity): void {
    this.room = bytes;
    this.#opened.resolve();
    this.#opened = Promise.withResolvers();
  }
}

/** Tells whether a promise resolves before the event loop's next turn. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  const { promise: turn, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false));
  const done = await Promise.race([promise.then(() => true), turn]);
  clearTimeout(timer);
  return done;
}

Deno.test("streamSink() writes a record at once where there is room", async () => {
  using pipe = disposablePipe("out");
  using stream = new InheritedFd(pipe.child.number);
  const sink = streamSink(stream, format);
  const bytes = new Uint8Array(100);
  for (const text of ["a", "b"]) {
    sink(record(text));
    const count = pipe.own.tryRead(bytes) ?? 0;
    const written = new TextDecoder().decode(bytes.subarray(0, count));
    assertEquals(written, `info: ${text}\n`);
  }
  await sink[Symbol.asyncDispose]();
});

Deno.test("streamSink() drops what is too much, and says how much when there is room", async () => {
  const stream = new Stream();
  const sink = streamSink(stream, format);
  for (let i = 0; i < 1010; i++) sink(record(`${i}`));
  // While the sink waits for room it doesn't try to write.
  assertEquals(stream.attempts, 1);
  stream.makeRoom();
  await until(() => stream.text !== "", 2000);
  const lines = stream.text.split("\n");
  assertEquals(lines[999], "info: 999");
  assertEquals(`${lines.slice(1000).join("\n")}`, dropped(10));
  sink(record("on"));
  assert(stream.text.endsWith(`${dropped(10)}info: on\n`));
  await sink[Symbol.asyncDispose]();
});

for (const failure of ["ENOSPC", "EIO", "EPIPE"] as const) {
  Deno.test(`streamSink() goes on after ${failure}, and says what was lost`, async () => {
    const stream = new Stream(Errno[failure]);
    const sink = streamSink(stream, format);
    // The first record is cut in two by the failure.
    stream.room = 3;
    for (let i = 0; i < 1005; i++) sink(record(`${i}`));
    assertEquals(stream.text, "inf");
    stream.makeRoom();
    sink(record("on"));
    const lines = stream.text.split("\n");
    assertEquals(lines.slice(0, 2), ["info: 0", "info: 1"]);
    assertEquals(
      lines.slice(999).join("\n"),
      `info: 999\n${dropped(5)}info: on\n`,
    );
    await sink[Symbol.asyncDispose]();
  });
}

Deno.test("streamSink() doesn't wait for a stream that fails when it is disposed of", async () => {
  const sink = streamSink(new Stream(Errno.EIO), format);
  sink(record("a"));
  await sink[Symbol.asyncDispose]();
});

Deno.test("streamSink() drains what was logged so far, and nothing later", async () => {
  const stream = new Stream();
  const sink = streamSink(stream, format);
  await sink.drain();
  sink(record("a"));
  sink(record("b"));
  const drain = sink.drain();
  sink(record("c"));
  assertEquals([stream.text, await isDone(drain)], ["", false]);
  stream.makeRoom("info: a\ninfo: b\n".length);
  assert(await isDone(drain));
  assertEquals(stream.text, "info: a\ninfo: b\n");
  stream.makeRoom();
  await sink[Symbol.asyncDispose]();
  assertEquals(stream.text, "info: a\ninfo: b\ninfo: c\n");
});

Deno.test("streamSink() doesn't wait for a stream that fails when it is drained", async () => {
  const sink = streamSink(new Stream(Errno.EIO), format);
  sink(record("a"));
  assert(await isDone(sink.drain()));
  await sink[Symbol.asyncDispose]();
});

for (const flags of [0, O_NONBLOCK]) {
  Deno.test(`streamSink() goes on when a full pipe is read, with the flags ${flags}`, () =>
    withoutFdLeaks(async () => {
      using pipe = disposablePipe("out");
      libc().fcntl(pipe.child.number, F_SETPIPE_SZ, 4096);
      libc().fcntl(pipe.child.number, F_SETFL, flags);
      using stream = new InheritedFd(pipe.child.number);
      const sink = streamSink(stream, format);
      const long = "x".repeat(300);
      for (let i = 0; i < 1100; i++) sink(record(long));
      const bytes = new Uint8Array(8192);
      let text = "";
      await until(() => {
        const count = pipe.own.tryRead(bytes);
        text += new TextDecoder().decode(bytes.subarray(0, count ?? 0));
        return text.includes("dropped");
      }, 30_000);
      const lines = text.split("\n");
      // Some are in the pipe, and a thousand wait.
      const kept = lines.findIndex((line) => line.startsWith("warning"));
      assert(kept > 1000 && kept < 1020, `${kept}`);
      assert(lines.slice(0, kept).every((line) => line === `info: ${long}`));
      assertEquals(`${lines[kept]}\n`, dropped(1100 - kept));
      await sink[Symbol.asyncDispose]();
    }));
}

const folder = mountSmallDisk();

Deno.test({
  name: "streamSink() goes on when a full disk has room again",
  ignore: folder === undefined,
  fn: async () => {
    try {
      Deno.writeTextFileSync(`${folder}/log`, "");
      try {
        Deno.writeFileSync(`${folder}/others`, new Uint8Array(1 << 20));
      } catch {
        // The disk is full.
      }
      using stream = new InheritedFd(
        Fd.open(`${folder}/log`, O_WRONLY).number,
      );
      const sink = streamSink(stream, format);
      for (let i = 0; i < 1003; i++) sink(record(`${i}`));
      assertEquals(Deno.readTextFileSync(`${folder}/log`), "");
      Deno.removeSync(`${folder}/others`);
      sink(record("on"));
      const text = Deno.readTextFileSync(`${folder}/log`);
      assert(text.endsWith(`info: 999\n${dropped(3)}info: on\n`), text);
      await sink[Symbol.asyncDispose]();
    } finally {
      new Deno.Command("umount", { args: [folder!] }).outputSync();
      Deno.removeSync(folder!);
    }
  },
});

/** Makes a disk of 64 KiB, where this process may. */
function mountSmallDisk(): string | undefined {
  const folder = Deno.makeTempDirSync();
  try {
    const { success } = new Deno.Command("mount", {
      args: ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder],
    }).outputSync();
    if (success) return folder;
  } catch {
    // There is no such program.
  }
  Deno.removeSync(folder);
  return undefined;
}
