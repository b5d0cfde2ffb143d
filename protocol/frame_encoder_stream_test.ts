import { assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { settle, toBytes, toText } from "./_test_utils.ts";
import type { KnownFrame } from "./frame.ts";
import { FrameEncoderStream } from "./frame_encoder_stream.ts";

Deno.test("FrameEncoderStream() writes each frame as one chunk", async () => {
  const frames: KnownFrame[] = [
    { type: "started", pid: 42 },
    { type: "stdout", data: toBytes("hi") },
    { type: "exit", exitCode: 0 },
  ];
  const lines = await Array.fromAsync(
    ReadableStream.from(frames).pipeThrough(new FrameEncoderStream()),
  );

  assertEquals(lines.map(toText), [
    '{"type":"started","pid":42}\n',
    '{"type":"stdout","data":"aGk="}\n',
    '{"type":"exit"}\n',
  ]);
});

Deno.test("FrameEncoderStream() throws when a frame is too long", async () => {
  const data = new Uint8Array(8 * 1024 * 1024);
  const lines = ReadableStream.from([{ type: "stdin", data } as const])
    .pipeThrough(new FrameEncoderStream());

  await assertRejects(() => Array.fromAsync(lines), RangeError);
});

Deno.test("FrameEncoderStream() takes one frame at most when nobody reads", async () => {
  let pulled = 0;
  const reader = new ReadableStream<KnownFrame>({
    pull(controller) {
      pulled++;
      controller.enqueue({ type: "started", pid: pulled });
    },
  }, { highWaterMark: 0 }).pipeThrough(new FrameEncoderStream()).getReader();
  await settle();
  assertEquals(pulled, 1);

  for (let pid = 1; pid <= 20; pid++) {
    const { value } = await reader.read();
    assertEquals(toText(value!), `{"type":"started","pid":${pid}}\n`);
    await settle();
    assertLessOrEqual(pulled, pid + 1);
  }
  await reader.cancel();
});
