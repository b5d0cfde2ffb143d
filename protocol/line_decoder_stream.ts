import { LineBuffer } from "./_line_buffer.ts";
import { MAX_FRAME_BYTES } from "./frame.ts";

const LF = 10;

/** Options for {@linkcode LineDecoderStream}. */
export interface LineDecoderStreamOptions {
  /**
   * The longest line allowed, in bytes, its newline included.
   *
   * @default {MAX_FRAME_BYTES}
   */
  readonly maxLineBytes?: number;
}

/**
 * Splits bytes into lines, each without its `\n` and without a `\r` before it.
 * A last line that has no newline counts as if it had one.
 *
 * The lines are views of the chunks where that is possible, so a chunk belongs
 * to the stream once it is written.
 *
 * The stream fails with a {@linkcode ProtocolError} as soon as a line is known
 * to be too long, so it never holds more than the longest line allowed.
 *
 * @example Usage
 * ```ts
 * import { LineDecoderStream } from "@cocoonstack/agent/protocol";
 * import { assertEquals } from "@std/assert";
 *
 * const lines = ReadableStream.from(["a\nb", "c\r\n"])
 *   .pipeThrough(new TextEncoderStream())
 *   .pipeThrough(new LineDecoderStream())
 *   .pipeThrough(new TextDecoderStream());
 * assertEquals(await Array.fromAsync(lines), ["a", "bc"]);
 * ```
 */
export class LineDecoderStream extends TransformStream<Uint8Array, Uint8Array> {
  /**
   * Creates the stream.
   *
   * @param options The options.
   * @throws {RangeError} If `maxLineBytes` is not a positive integer.
   */
  constructor(
    { maxLineBytes = MAX_FRAME_BYTES }: LineDecoderStreamOptions = {},
  ) {
    if (!Number.isSafeInteger(maxLineBytes) || maxLineBytes < 1) {
      throw new RangeError(
        `Cannot decode lines: "maxLineBytes" must be a positive integer, got ${maxLineBytes}`,
      );
    }
    const line = new LineBuffer(maxLineBytes);
    super({
      transform(chunk, controller) {
        let start = 0;
        let end = chunk.indexOf(LF);
        while (end !== -1) {
          line.append(chunk.subarray(start, end));
          controller.enqueue(line.take());
          start = end + 1;
          end = chunk.indexOf(LF, start);
        }
        line.append(chunk.subarray(start));
      },
      flush(controller) {
        if (line.bytes.length > 0) controller.enqueue(line.take());
      },
    });
  }
}
