/**
 * Bytes that wait for somebody to take them.
 *
 * @module
 */

/** How many bytes are taken at a time, so that there is soon room for more. */
const PIECE = 128 * 1024;

/**
 * A queue of bytes in one piece of memory: kept as they came, the tiniest pieces
 * would each take hundreds of times their size.
 */
export class Backlog {
  readonly #usual: number;
  #bytes = new Uint8Array(0);
  #start = 0;
  #end = 0;

  /**
   * @param usual How many bytes wait at most as a rule: its memory isn't made
   * larger than that before it has to be.
   */
  constructor(usual: number) {
    this.#usual = usual;
  }

  /**
   * Appends bytes.
   *
   * @param data The bytes, which are copied.
   */
  push(data: Uint8Array): void {
    if (this.#end + data.length > this.#bytes.length) {
      this.#grow(data.length);
    }
    this.#bytes.set(data, this.#end);
    this.#end += data.length;
  }

  /**
   * Takes the next bytes.
   *
   * @returns Up to 128 KiB, which stay as they are whatever is appended later;
   * `undefined` if there are none.
   */
  take(): Uint8Array | undefined {
    if (this.#start === this.#end) return undefined;
    const end = Math.min(this.#start + PIECE, this.#end);
    const piece = this.#bytes.subarray(this.#start, end);
    this.#start = end;
    // Whoever has the pieces keeps the memory for as long as it takes.
    if (end === this.#end) this.#replace(0);
    return piece;
  }

  #grow(more: number): void {
    const waiting = this.#end - this.#start;
    const roomy = Math.min(2 * waiting, this.#usual);
    this.#replace(Math.max(roomy, waiting + more));
  }

  /** Moves what waits to memory of its own: what was taken must not change. */
  #replace(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.#bytes.subarray(this.#start, this.#end));
    this.#end -= this.#start;
    this.#start = 0;
    this.#bytes = bytes;
  }
}
