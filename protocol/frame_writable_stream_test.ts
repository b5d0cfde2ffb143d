import { assert, assertEquals, assertRejects } from "@std/assert";
import { settle, toBytes, toText } from "./_test_utils.ts";
import type { KnownFrame } from "./frame.ts";
import { FrameWritableStream } from "./frame_writable_stream.ts";

/** A stream of bytes that keeps what it is given. */
class Bytes extends WritableStream<Uint8Array> {
  readonly chunks: Uint8Array[] = [];
  closed = false;
  aborted: unknown;

  /**
   * @param take Called with each chunk, which is taken when it resolves.
   */
  constructor(take: () => Promise<void> = () => Promise.resolve()) {
    super({
      write: async (chunk) => {
        this.chunks.push(chunk);
        await take();
      },
      close: () => {
        this.closed = true;
      },
      abort: (reason) => {
        this.aborted = reason;
      },
    });
  }
}

Deno.test("FrameWritableStream() writes each frame as one chunk", async () => {
  const frames: KnownFrame[] = [
    { type: "started", pid: 42 },
    { type: "stdout", data: toBytes("hi") },
    { type: "exit", exitCode: 0 },
  ];
  const bytes = new Bytes();
  await ReadableStream.from(frames).pipeTo(new FrameWritableStream(bytes));

  assertEquals(bytes.chunks.map(toText), [
    '{"type":"started","pid":42}\n',
    '{"type":"stdout","data":"aGk="}\n',
    '{"type":"exit"}\n',
  ]);
  assert(bytes.closed);
});

Deno.test("FrameWritableStream() writes data as it is when it is raw", async () => {
  const bytes = new Bytes();
  const stream = new FrameWritableStream(bytes);
  const writer = stream.getWriter();
  const much = new Uint8Array(100_000).fill(7);
  await writer.write({ type: "stdin", data: toBytes("a") });
  stream.raw = true;
  await writer.write({ type: "stdin", data: toBytes("b\n") });
  await writer.write({ type: "stderr", data: new Uint8Array(0) });
  await writer.write({ type: "stdout", data: much });
  await writer.write({
    type: "reseed",
    data: toBytes("c"),
    regenMachineId: false,
  });

  assertEquals(bytes.chunks.slice(0, 4).map(toText), [
    '{"type":"stdin","data":"YQ=="}\n',
    '{"type":"stdin","size":2}\nb\n',
    '{"type":"stderr","size":0}\n',
    '{"type":"stdout","size":100000}\n',
  ]);
  assert(bytes.chunks[4] === much, "it must not be copied");
  assertEquals(toText(bytes.chunks[5]!), '{"type":"reseed","data":"Yw=="}\n');
});

Deno.test("FrameWritableStream() rejects a frame that is too long", async () => {
  const data = new Uint8Array(8 * 1024 * 1024);
  for (const raw of [false, true]) {
    const stream = new FrameWritableStream(new Bytes());
    stream.raw = raw;
    const writer = stream.getWriter();
    writer.closed.catch(() => {});
    await assertRejects(
      () => writer.write({ type: "stdin", data }),
      RangeError,
      'Cannot encode frame "stdin": ',
    );
  }
});

Deno.test("FrameWritableStream() is done with a write when its bytes were taken", async () => {
  const { promise: taken, resolve } = Promise.withResolvers<void>();
  const writer = new FrameWritableStream(new Bytes(() => taken)).getWriter();
  let done = false;
  const written = writer.write({ type: "stdin_close" })
    .then(() => done = true);
  await settle();
  assert(!done);
  resolve();
  await written;
});

Deno.test("FrameWritableStream() fails when the bytes' stream does, and aborts it", async () => {
  const reason = new Error("gone");
  const failing = new FrameWritableStream(
    new Bytes(() => Promise.reject(reason)),
  ).getWriter();
  failing.closed.catch(() => {});
  await assertRejects(
    () => failing.write({ type: "stdin_close" }),
    Error,
    "gone",
  );

  const bytes = new Bytes();
  await new FrameWritableStream(bytes).abort(reason);
  assertEquals(bytes.aborted, reason);
});
