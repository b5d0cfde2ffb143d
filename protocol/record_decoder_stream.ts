import { LineBuffer, tooLong } from "./_line_buffer.ts";
import { isDataLine, splitDataLine } from "./_data_line.ts";
import { parseRawHeader, type RawHeader } from "./_raw_frame.ts";
import { type DataFrame, MAX_FRAME_BYTES } from "./frame.ts";

/** What a session's bytes consist of: lines to be parsed, and data that is already. */
export type FrameRecord = Uint8Array | DataFrame;

/** Options for {@linkcode RecordDecoderStream}. */
export interface RecordDecoderStreamOptions {
  /**
   * Drop a last line that has no newline, as of a connection that broke, but for
   * what has been passed on of its data.
   *
   * @default {false}
   */
  readonly dropPartial?: boolean;
  /**
   * The longest frame that may have to be held whole, in bytes, its newline
   * included: 64 KiB or more. Data that is passed on in pieces doesn't count, and
   * may have {@linkcode MAX_FRAME_BYTES} as ever.
   *
   * @default {MAX_FRAME_BYTES}
   */
  readonly maxFrameBytes?: number;
  /**
   * Finds the first of a byte, for platforms that have a faster way than
   * `Uint8Array.prototype.indexOf`.
   */
  readonly indexOf?: (bytes: Uint8Array, byte: number, start: number) => number;
  /**
   * Tells by the first line whether those behind it may announce bytes, which may
   * come with it.
   */
  readonly rawAfter?: (line: Uint8Array) => boolean;
  /**
   * Asked every 32 lines, so that whoever serves several peers can give the others
   * their turn: one chunk may hold tens of thousands of lines. Where it returns a
   * promise, it is asked again once that resolves; if it throws, the stream fails.
   *
   * @returns What is to be waited for first, if anything.
   */
  readonly pace?: () => Promise<void> | undefined;
}

const LF = 10;
/** How long a line must be before its data is passed on in pieces. */
const LONG_LINE_BYTES = 32 * 1024;
/** How many lines are taken before others may have their turn. */
const LINES_PER_PACE = 32;

/**
 * Splits a session's bytes into lines, as {@linkcode LineDecoderStream} does. A
 * long data line may come as data frames and a shorter line, of the same meaning
 * unless it repeats a key. With
 * the extension `raw` a line may announce bytes: it is left out then, and these
 * come as data frames, piece by piece as they arrive.
 *
 * Lines and pieces are views of the chunks where that is possible, so a chunk
 * belongs to the stream once it is written.
 *
 * The stream fails with a {@linkcode FrameLengthError} as soon as a frame is known to
 * be too long, so it never holds more than the longest line allowed.
 *
 * @example Usage
 * ```ts
 * import { FrameDecoderStream, RecordDecoderStream } from "@cocoonstack/agent/protocol";
 * import { assertEquals } from "@std/assert";
 *
 * const records = new RecordDecoderStream();
 * records.raw = true;
 * const frames = ReadableStream.from(['{"type":"stdout","size":2}\nhi{"type":"exit"}\n'])
 *   .pipeThrough(new TextEncoderStream())
 *   .pipeThrough(records)
 *   .pipeThrough(new FrameDecoderStream());
 * assertEquals(await Array.fromAsync(frames), [
 *   { type: "stdout", data: new TextEncoder().encode("hi") },
 *   { type: "exit", exitCode: 0 },
 * ]);
 * ```
 */
export class RecordDecoderStream
  extends TransformStream<Uint8Array, FrameRecord> {
  /** Whether lines may announce bytes. It may change between two lines. */
  raw = false;
  readonly #line = new LineBuffer(MAX_FRAME_BYTES);
  readonly #maxFrameBytes: number;
  readonly #indexOf: NonNullable<RecordDecoderStreamOptions["indexOf"]>;
  #rawAfter: RecordDecoderStreamOptions["rawAfter"];
  readonly #pace: RecordDecoderStreamOptions["pace"];
  /** How many lines and pieces of data were taken since others had their turn. */
  #taken = 0;
  /** What is to be waited for before the next line. */
  #pause: Promise<void> | undefined;
  /** Whether the line that has begun can only be taken in one piece. */
  #whole = false;
  /** The stream that bytes are announced of, and how many are still to come. */
  #announced: RawHeader | undefined;

  /**
   * Creates the stream.
   *
   * @param options The options.
   */
  constructor(options: RecordDecoderStreamOptions = {}) {
    const {
      dropPartial = false,
      maxFrameBytes = MAX_FRAME_BYTES,
      indexOf,
    } = options;
    super({
      transform: (chunk, controller) => {
        const taken = this.#takeSome(chunk, 0, controller);
        return taken < chunk.length
          ? this.#takeRest(chunk, taken, controller)
          : undefined;
      },
      flush: (controller) => {
        if (this.#line.bytes.length > 0 && !dropPartial) {
          this.#endLine(controller);
        }
      },
    });
    this.#maxFrameBytes = maxFrameBytes;
    this.#rawAfter = options.rawAfter;
    this.#pace = options.pace;
    this.#indexOf = indexOf ??
      ((bytes, byte, start) => bytes.indexOf(byte, start));
  }

  /** Whether a line has begun whose end has not come. */
  get hasPartial(): boolean {
    return this.#line.bytes.length > 0;
  }

  /** Takes what is in a chunk, or returns where a pause has to be made. */
  #takeSome(
    chunk: Uint8Array,
    start: number,
    controller: TransformStreamDefaultController<FrameRecord>,
  ): number {
    while (start < chunk.length && !this.#mustPause()) {
      start += this.#announced === undefined
        ? this.#takeLine(chunk, start, controller)
        : this.#takeData(this.#announced, chunk, start, controller);
    }
    return start;
  }

  async #takeRest(
    chunk: Uint8Array,
    start: number,
    controller: TransformStreamDefaultController<FrameRecord>,
  ): Promise<void> {
    while (start < chunk.length) {
      await this.#pause;
      start = this.#takeSome(chunk, start, controller);
    }
  }

  #mustPause(): boolean {
    if (++this.#taken <= LINES_PER_PACE || this.#pace === undefined) {
      return false;
    }
    this.#pause = this.#pace();
    if (this.#pause !== undefined) return true;
    this.#taken = 1;
    return false;
  }

  /** Takes a line or what there is of one, and returns how long that was. */
  #takeLine(
    chunk: Uint8Array,
    start: number,
    controller: TransformStreamDefaultController<FrameRecord>,
  ): number {
    const end = this.#indexOf(chunk, LF, start);
    if (end === -1) {
      this.#line.append(chunk.subarray(start));
      this.#passLongData(controller);
      this.#checkHeld(this.#whole);
      return chunk.length - start;
    }
    this.#line.append(chunk.subarray(start, end));
    this.#endLine(controller);
    return end + 1 - start;
  }

  /**
   * Passes on what is there of a long data line, which spares the copies that join
   * it: a sixth of the time, and up to 8 MiB of memory.
   */
  #passLongData(
    controller: TransformStreamDefaultController<FrameRecord>,
  ): void {
    const { bytes } = this.#line;
    if (bytes.length < LONG_LINE_BYTES || this.#whole) return;
    const split = splitDataLine(bytes);
    this.#whole = split === undefined;
    if (split === undefined) return;
    controller.enqueue(split.frame);
    this.#line.shorten(split.rest);
  }

  /** Fails where a line that is held whole is too long. */
  #checkHeld(whole: boolean): void {
    if (whole && this.#line.bytes.length + 1 > this.#maxFrameBytes) {
      throw tooLong(this.#maxFrameBytes);
    }
  }

  #endLine(controller: TransformStreamDefaultController<FrameRecord>): void {
    // A data line may have come in a single chunk.
    this.#checkHeld(this.#whole || !isDataLine(this.#line.bytes));
    const line = this.#line.take();
    this.#whole = false;
    const header = this.raw ? parseRawHeader(line) : undefined;
    if (header === undefined) controller.enqueue(line);
    else if (header.size > 0) this.#announced = header;
    if (this.#rawAfter === undefined) return;
    this.raw = this.#rawAfter(line);
    this.#rawAfter = undefined;
  }

  /** Takes what there is of announced bytes, and returns how many. */
  #takeData(
    { type, size }: RawHeader,
    chunk: Uint8Array,
    start: number,
    controller: TransformStreamDefaultController<FrameRecord>,
  ): number {
    const data = chunk.subarray(start, start + size);
    // A small view would hold all of its chunk's memory.
    const small = data.length < chunk.length / 4;
    controller.enqueue({ type, data: small ? data.slice() : data });
    const rest = size - data.length;
    this.#announced = rest > 0 ? { type, size: rest } : undefined;
    return data.length;
  }
}
