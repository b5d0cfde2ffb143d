import type { LogRecord } from "@logtape/logtape";
import { assertEquals } from "@std/assert";
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

/** A stream whose first write takes until it is let go. */
class SlowStream {
  readonly writes: string[] = [];
  readonly stream: WritableStream<Uint8Array>;
  readonly #gate = Promise.withResolvers<void>();

  constructor() {
    this.stream = new WritableStream({
      write: (chunk) => {
        this.writes.push(new TextDecoder().decode(chunk));
        return this.#gate.promise;
      },
    });
  }

  letGo(): void {
    this.#gate.resolve();
  }
}

Deno.test("streamSink() writes records together that come during a write", async () => {
  const slow = new SlowStream();
  const sink = streamSink(slow.stream, format);
  for (const text of ["a", "b", "c"]) sink(record(text));
  slow.letGo();
  await sink[Symbol.asyncDispose]();
  assertEquals(slow.writes, ["info: a\n", "info: b\ninfo: c\n"]);
  assertEquals(slow.stream.locked, false);
});

Deno.test("streamSink() drops what is too much, and says how much", async () => {
  const slow = new SlowStream();
  const sink = streamSink(slow.stream, format);
  for (let i = 0; i < 1010; i++) sink(record(`${i}`));
  slow.letGo();
  await sink[Symbol.asyncDispose]();
  const lines = slow.writes.join("").trimEnd().split("\n");
  assertEquals(lines.length, 1002);
  assertEquals(lines.slice(-2), [
    "info: 1000",
    "warning: 9 records were dropped: the log was not read in time",
  ]);
});

Deno.test("streamSink() goes on when the stream fails", async () => {
  const failing = new WritableStream<Uint8Array>({
    write: () => Promise.reject(new Error("closed")),
  });
  const sink = streamSink(failing, format);
  sink(record("a"));
  await sink[Symbol.asyncDispose]();
  assertEquals(failing.locked, false);
});

Deno.test("streamSink() drains what was logged so far, and nothing later", async () => {
  const slow = new SlowStream();
  const sink = streamSink(slow.stream, format);
  await sink.drain();
  sink(record("a"));
  sink(record("b"));
  let drained = false;
  const drain = sink.drain().then(() => drained = true);
  await Promise.resolve();
  assertEquals([slow.writes, drained], [["info: a\n"], false]);
  slow.letGo();
  await drain;
  assertEquals(slow.writes, ["info: a\n", "info: b\n"]);
  await sink[Symbol.asyncDispose]();
});
