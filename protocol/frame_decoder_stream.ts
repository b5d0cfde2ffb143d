import { FIRST_WEIGHT, LATER_WEIGHT } from "./_json_weight.ts";
import type { Frame } from "./frame.ts";
import { parseFrame } from "./parse_frame.ts";
import type { FrameRecord } from "./record_decoder_stream.ts";

/**
 * Parses lines as frames, one each, and passes on what is a frame already. A line
 * that isn't a frame fails the stream with a {@linkcode ProtocolError}, after all frames before it were read.
 *
 * A line is parsed only when its frame is asked for, and one more may wait. Only
 * the first one may hold many values, as an `exec` frame does.
 *
 * @example Usage
 * ```ts
 * import { FrameDecoderStream, RecordDecoderStream } from "@cocoonstack/agent/protocol";
 * import { assertEquals } from "@std/assert";
 *
 * const frames = ReadableStream.from(['{"type":"started","pid":42}\n{"type":"exit"}\n'])
 *   .pipeThrough(new TextEncoderStream())
 *   .pipeThrough(new RecordDecoderStream())
 *   .pipeThrough(new FrameDecoderStream());
 * assertEquals(await Array.fromAsync(frames), [
 *   { type: "started", pid: 42 },
 *   { type: "exit", exitCode: 0 },
 * ]);
 * ```
 */
export class FrameDecoderStream extends TransformStream<FrameRecord, Frame> {
  /** Creates the stream. */
  constructor() {
    let maxWeight = FIRST_WEIGHT;
    super({
      transform(record, controller) {
        controller.enqueue(
          record instanceof Uint8Array ? parseFrame(record, maxWeight) : record,
        );
        maxWeight = LATER_WEIGHT;
      },
    });
  }
}
