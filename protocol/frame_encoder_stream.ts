import { encodeFrame } from "./encode_frame.ts";
import type { KnownFrame } from "./frame.ts";

/**
 * Encodes frames as lines, one chunk each. A frame that can't be encoded fails
 * the stream with what {@linkcode encodeFrame} throws.
 *
 * A frame is encoded only when its line is asked for, and one more may wait.
 *
 * @example Usage
 * ```ts
 * import { FrameEncoderStream } from "@cocoonstack/agent/protocol";
 * import { assertEquals } from "@std/assert";
 *
 * const lines = ReadableStream.from([{ type: "stdin_close" } as const])
 *   .pipeThrough(new FrameEncoderStream())
 *   .pipeThrough(new TextDecoderStream());
 * assertEquals(await Array.fromAsync(lines), ['{"type":"stdin_close"}\n']);
 * ```
 */
export class FrameEncoderStream
  extends TransformStream<KnownFrame, Uint8Array> {
  /** Creates the stream. */
  constructor() {
    super({
      transform(frame, controller) {
        controller.enqueue(encodeFrame(frame));
      },
    });
  }
}
