import { FrameLengthError } from "./protocol_error.ts";

const CR = 13;
const EMPTY = new Uint8Array(0);

/**
 * Returns the error for a line that is too long.
 *
 * @param max The longest one allowed, its newline included, in bytes.
 */
export function tooLong(max: number): FrameLengthError {
  return new FrameLengthError(`Cannot decode line: longer than ${max} bytes`);
}

/** A line that comes in parts, and is never longer than allowed. */
export class LineBuffer {
  readonly #maxLineBytes: number;
  #buffer: Uint8Array = EMPTY;
  /** Whether nobody else knows the buffer. */
  #own = false;
  #length = 0;
  /** How many bytes of the line have been dropped. */
  #dropped = 0;

  /**
   * @param maxLineBytes The longest line allowed, its newline included.
   */
  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** The line as far as it is there. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /**
   * Goes on with another beginning of the line, which is shorter; its length counts
   * as before.
   *
   * @param bytes The line as far as it is there.
   */
  shorten(bytes: Uint8Array): void {
    this.#dropped += this.#length - bytes.length;
    this.#buffer = bytes;
    this.#own = false;
    this.#length = bytes.length;
  }

  /**
   * Takes the next part of a line.
   *
   * @param part The part, which may become a part of the line as it is.
   * @throws {FrameLengthError} If the line is known to be too long by now.
   */
  append(part: Uint8Array): void {
    const length = this.#length + part.length;
    // The newline is counted before it comes.
    if (this.#dropped + length + 1 > this.#maxLineBytes) {
      throw tooLong(this.#maxLineBytes);
    }
    // Even an empty view would hold its chunk's memory.
    if (part.length === 0) return;
    if (this.#length === 0) {
      // A view, which is never written to: it is full, so the next part moves
      // it. More than one view would hold more than one chunk's memory.
      this.#buffer = part;
      this.#own = false;
    } else {
      if (length > this.#buffer.length) this.#grow(length);
      this.#buffer.set(part, this.#length);
    }
    this.#length = length;
  }

  #grow(length: number): void {
    const doubled = Math.min(2 * this.#buffer.length, this.#maxLineBytes);
    const size = Math.max(length, doubled);
    if (this.#own) {
      // Which frees the old memory at once: left as garbage, those of all doublings
      // took as much as the line.
      this.#buffer = new Uint8Array(
        (this.#buffer.buffer as ArrayBuffer).transfer(size),
      );
      return;
    }
    const buffer = new Uint8Array(size);
    buffer.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = buffer;
    this.#own = true;
  }

  /**
   * Ends the line.
   *
   * @returns The line, without a carriage return at its end.
   */
  take(): Uint8Array {
    const last = this.#length - 1;
    const line = this.#buffer.subarray(
      0,
      this.#buffer[last] === CR ? last : this.#length,
    );
    this.#buffer = EMPTY;
    this.#length = this.#dropped = 0;
    return line;
  }
}
