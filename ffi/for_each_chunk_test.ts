import { assert, assertEquals, assertRejects } from "@std/assert";
import { readableFromFd } from "./fd_streams.ts";
import { forEachChunk } from "./for_each_chunk.ts";
import { disposablePipe, withoutFdLeaks } from "./_test_utils.ts";

/** Bytes that tell where they are from. */
function pattern(length: number): Uint8Array {
  return new Uint8Array(length).map((_, index) => index % 251);
}

Deno.test("forEachChunk() yields all bytes in order, whatever their number", async () => {
  await withoutFdLeaks(async () => {
    for (const length of [0, 1, 100, 65_536, 3_000_000]) {
      using pipe = disposablePipe("out");
      const bytes = pattern(length);
      // By another descriptor, whose writes don't block this thread.
      const path = `/proc/self/fd/${pipe.child.number}`;
      const end = await Deno.open(path, { write: true });
      pipe.child.close();
      const written = ReadableStream.from([bytes]).pipeTo(end.writable);
      const read = new Uint8Array(length);
      let at = 0;
      await forEachChunk(readableFromFd(pipe.own), async (chunk) => {
        // The next one must not come before this one is taken.
        await new Promise((resolve) => setTimeout(resolve, 0));
        read.set(chunk, at);
        at += chunk.length;
      });
      await written;
      assertEquals(at, length);
      assertEquals(read, bytes);
      assert(pipe.own.closed);
    }
  });
});

Deno.test("forEachChunk() uses its memory again while much comes", async () => {
  let buffers = 0;
  let chunks = 0;
  const stream = new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (++chunks === 101) {
        controller.close();
        controller.byobRequest?.respond(0);
        return;
      }
      const view = controller.byobRequest?.view;
      if (!view) return controller.enqueue(new Uint8Array(256 * 1024));
      // A transferred buffer is another object, of the same memory: marked so.
      const bytes = new Uint8Array(view.buffer);
      if (bytes[0] !== 42) buffers++;
      bytes[0] = 42;
      controller.byobRequest!.respond(view.byteLength);
    },
  }, { highWaterMark: 0 });
  await forEachChunk(stream, () => Promise.resolve());
  assertEquals([chunks, buffers], [101, 1]);
});

Deno.test("forEachChunk() cancels the stream when a chunk isn't taken", async () => {
  await withoutFdLeaks(async () => {
    using pipe = disposablePipe("out");
    pipe.child.tryWrite(pattern(10));
    await assertRejects(
      () =>
        forEachChunk(
          readableFromFd(pipe.own),
          () => Promise.reject(new Error("no room")),
        ),
      Error,
      "no room",
    );
    assert(pipe.own.closed);
  });
});

Deno.test("forEachChunk() rejects when the stream fails", async () => {
  const stream = new ReadableStream<Uint8Array>({
    pull() {
      throw new Error("broken");
    },
  }, { highWaterMark: 0 });
  await assertRejects(
    () => forEachChunk(stream, () => Promise.resolve()),
    Error,
    "broken",
  );
});
