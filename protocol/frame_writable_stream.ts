import { encodeRawFrame } from "./_raw_frame.ts";
import { encodeFrame } from "./encode_frame.ts";
import type { KnownFrame } from "./frame.ts";

/**
 * Writes frames as lines to a stream of bytes, one chunk each. With the extension
 * `raw` data goes behind its line as it is, and larger data in a chunk of its own.
 *
 * A write is done when the stream of bytes has done its writes, so that the
 * memory of data is free for use again if that stream says so. A frame that can't
 * be encoded fails the stream with what {@linkcode encodeFrame} throws.
 *
 * @example Usage
 * ```ts
 * import { FrameWritableStream } from "@cocoonstack/agent/protocol";
 * import { assertEquals } from "@std/assert";
 *
 * const { readable, writable } = new TextDecoderStream();
 * const frames = ReadableStream.from([{ type: "stdin_close" } as const]);
 * frames.pipeTo(new FrameWritableStream(writable));
 * assertEquals(await Array.fromAsync(readable), ['{"type":"stdin_close"}\n']);
 * ```
 */
export class FrameWritableStream extends WritableStream<KnownFrame> {
  /** Whether data is sent without base64. It may change between two frames. */
  raw = false;

  /**
   * Creates the stream.
   *
   * @param bytes Where the bytes go. It is closed and aborted with this one.
   */
  constructor(bytes: WritableStream<Uint8Array>) {
    const writer = bytes.getWriter();
    // Its failures show as those of the writes.
    writer.closed.catch(() => {});
    super({
      write: async (frame) => {
        if (this.raw && "data" in frame && frame.type !== "reseed") {
          for (const chunk of encodeRawFrame(frame)) await writer.write(chunk);
        } else {
          await writer.write(encodeFrame(frame));
        }
      },
      close: () => writer.close(),
      abort: (reason) => writer.abort(reason),
    });
  }
}
