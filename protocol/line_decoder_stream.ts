import { MAX_FRAME_BYTES } from "./frame.ts";
import { ProtocolError } from "./protocol_error.ts";

const CR = 13;
const LF = 10;
const EMPTY = new Uint8Array(0);

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
  readonly #maxLineBytes: number;
  #buffer: Uint8Array = EMPTY;
  #length = 0;

  /**
   * Creates the stream.
   *
   * @param options The longest line allowed.
   * @throws {RangeError} If `maxLineBytes` is not a positive integer.
   */
  constructor(options: LineDecoderStreamOptions = {}) {
    super({
      transform: (chunk, controller) => this.#split(chunk, controller),
      flush: (controller) => this.#flush(controller),
    });
    const { maxLineBytes = MAX_FRAME_BYTES } = options;
    if (!Number.isSafeInteger(maxLineBytes) || maxLineBytes < 1) {
      throw new RangeError(
        `Cannot decode lines: "maxLineBytes" must be a positive integer, got ${maxLineBytes}`,
      );
    }
    this.#maxLineBytes = maxLineBytes;
  }

  #split(
    chunk: Uint8Array,
    controller: TransformStreamDefaultController<Uint8Array>,
  ): void {
    let start = 0;
    let end = chunk.indexOf(LF);
    while (end !== -1) {
      this.#append(chunk.subarray(start, end));
      controller.enqueue(this.#takeLine());
      start = end + 1;
      end = chunk.indexOf(LF, start);
    }
    this.#append(chunk.subarray(start));
  }

  #flush(controller: TransformStreamDefaultController<Uint8Array>): void {
    if (this.#length > 0) controller.enqueue(this.#takeLine());
  }

  #append(part: Uint8Array): void {
    const length = this.#length + part.length;
    // The newline is counted before it comes.
    if (length + 1 > this.#maxLineBytes) {
      throw new ProtocolError(
        `Cannot decode line: longer than ${this.#maxLineBytes} bytes`,
      );
    }
    // Even an empty view would hold its chunk's memory.
    if (part.length === 0) return;
    if (this.#length === 0) {
      // A view, which is never written to: it is full, so the next part moves
      // it. More than one view would hold more than one chunk's memory.
      this.#buffer = part;
    } else {
      if (length > this.#buffer.length) this.#grow(length);
      this.#buffer.set(part, this.#length);
    }
    this.#length = length;
  }

  #grow(length: number): void {
    const doubled = Math.min(2 * this.#buffer.length, this.#maxLineBytes);
    const buffer = new Uint8Array(Math.max(length, doubled));
    buffer.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = buffer;
  }

  #takeLine(): Uint8Array {
    const last = this.#length - 1;
    const line = this.#buffer.subarray(
      0,
      this.#buffer[last] === CR ? last : this.#length,
    );
    this.#buffer = EMPTY;
    this.#length = 0;
    return line;
  }
}
