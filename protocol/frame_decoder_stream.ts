import type { Frame } from "./frame.ts";
import { parseFrame } from "./parse_frame.ts";

/**
 * Parses lines as frames, one each. A line that isn't a frame fails the stream
 * with a {@linkcode ProtocolError}, after all frames before it were read.
 *
 * A line is parsed only when its frame is asked for, and one more may wait.
 *
 * @example Usage
 * ```ts
 * import { FrameDecoderStream, LineDecoderStream } from "@cocoonstack/agent/protocol";
 * import { assertEquals } from "@std/assert";
 *
 * const frames = ReadableStream.from(['{"type":"started","pid":42}\n{"type":"exit"}\n'])
 *   .pipeThrough(new TextEncoderStream())
 *   .pipeThrough(new LineDecoderStream())
 *   .pipeThrough(new FrameDecoderStream());
 * assertEquals(await Array.fromAsync(frames), [
 *   { type: "started", pid: 42 },
 *   { type: "exit", exitCode: 0 },
 * ]);
 * ```
 */
export class FrameDecoderStream extends TransformStream<Uint8Array, Frame> {
  /** Creates the stream. */
  constructor() {
    super({
      transform(line, controller) {
        controller.enqueue(parseFrame(line));
      },
    });
  }
}
