import { FIRST_WEIGHT, LATER_WEIGHT } from "./_json_weight.ts";
import { parseDataLine } from "./_data_line.ts";
import type { Frame } from "./frame.ts";
import { parseFrame } from "./parse_frame.ts";
import type { FrameRecord } from "./record_decoder_stream.ts";

/** Options for {@linkcode FrameDecoderStream}. */
export interface FrameDecoderStreamOptions {
  /**
   * Asked before a line is parsed as JSON, so that whoever serves several peers can
   * put it off. Where it returns a promise, it is asked again once that resolves;
   * if it throws, the stream fails.
   *
   * @param bytes The line's length.
   * @returns What is to be waited for first, if anything.
   */
  readonly pace?: (bytes: number) => Promise<void> | undefined;
}

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
  /**
   * Creates the stream.
   *
   * @param options The options.
   */
  constructor(options: FrameDecoderStreamOptions = {}) {
    const { pace } = options;
    let maxWeight = FIRST_WEIGHT;
    super({
      transform(record, controller) {
        const weight = maxWeight;
        maxWeight = LATER_WEIGHT;
        const frame = record instanceof Uint8Array
          ? parseDataLine(record)
          : record;
        if (frame !== undefined) return controller.enqueue(frame);
        const line = record as Uint8Array;
        const parse = () => controller.enqueue(parseFrame(line, weight));
        const pause = pace?.(line.length);
        return pause ? parseAfter(pause) : parse();

        async function parseAfter(first: Promise<void>): Promise<void> {
          let pause: Promise<void> | undefined = first;
          for (; pause; pause = pace?.(line.length)) await pause;
          parse();
        }
      },
    });
  }
}
