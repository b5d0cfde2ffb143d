import { assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { settle, toBytes } from "./_test_utils.ts";
import { FrameDecoderStream } from "./frame_decoder_stream.ts";
import { ProtocolError } from "./protocol_error.ts";

Deno.test("FrameDecoderStream() parses each line", async () => {
  const frames = ReadableStream.from([
    '{"type":"started","pid":42}',
    '{"type":"stdout","data":"aGk="}',
    '{"type":"exit"}',
  ].map(toBytes)).pipeThrough(new FrameDecoderStream());

  assertEquals(await Array.fromAsync(frames), [
    { type: "started", pid: 42 },
    { type: "stdout", data: toBytes("hi") },
    { type: "exit", exitCode: 0 },
  ]);
});

Deno.test("FrameDecoderStream() emits the frames before a line that is none", async () => {
  const reader = ReadableStream.from([
    '{"type":"stdin_close"}',
    '{"type":"exit"}',
    "nonsense",
    '{"type":"exit"}',
  ].map(toBytes)).pipeThrough(new FrameDecoderStream()).getReader();
  await settle();

  assertEquals((await reader.read()).value, { type: "stdin_close" });
  await settle();
  assertEquals((await reader.read()).value, { type: "exit", exitCode: 0 });
  await settle();
  await assertRejects(
    () => reader.read(),
    ProtocolError,
    'Cannot parse frame "nonsense": not valid JSON',
  );
});

Deno.test("FrameDecoderStream() throws when a line is empty", async () => {
  const stream = ReadableStream.from([new Uint8Array(0)])
    .pipeThrough(new FrameDecoderStream());

  await assertRejects(() => Array.fromAsync(stream), ProtocolError);
});

Deno.test("FrameDecoderStream() takes one line at most when nobody reads", async () => {
  let pulled = 0;
  const reader = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++;
      controller.enqueue(toBytes(`{"type":"started","pid":${pulled}}`));
    },
  }, { highWaterMark: 0 }).pipeThrough(new FrameDecoderStream()).getReader();
  await settle();
  assertEquals(pulled, 1);

  for (let pid = 1; pid <= 20; pid++) {
    assertEquals((await reader.read()).value, { type: "started", pid });
    await settle();
    assertLessOrEqual(pulled, pid + 1);
  }
  await reader.cancel();
});

Deno.test("FrameDecoderStream() takes a frame with many values as the first one only", async () => {
  const line = toBytes(`{"type":"x","x":[${"1,".repeat(40_000)}1]}`);
  const reader = ReadableStream.from([line, line])
    .pipeThrough(new FrameDecoderStream()).getReader();
  assertEquals((await reader.read()).value, { type: "unknown", name: "x" });
  await assertRejects(() => reader.read(), ProtocolError, "too many values");
});

Deno.test("FrameDecoderStream() asks before it parses JSON, and waits", async () => {
  const asked: number[] = [];
  const waits = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const pace = (bytes: number) => waits[asked.push(bytes) - 1]?.promise;
  const reader = ReadableStream.from([
    ...['{"type":"x"}', '{"type":"stdin","data":"aGk="}'],
    '{"type":"stdin_close"}',
  ].map(toBytes)).pipeThrough(new FrameDecoderStream({ pace })).getReader();
  const first = reader.read();
  await settle();
  assertEquals(asked, [12]);
  waits[0]!.resolve();
  await settle();
  assertEquals(asked, [12, 12]);
  waits[1]!.resolve();
  assertEquals((await first).value, { type: "unknown", name: "x" });
  assertEquals((await reader.read()).value?.type, "stdin");
  assertEquals((await reader.read()).value, { type: "stdin_close" });
  assertEquals(asked, [12, 12, 12, 22]);
});
