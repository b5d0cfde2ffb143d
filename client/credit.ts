/**
 * How much input an agent will take.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";

/** Bytes that may be sent before more are allowed. */
export class Credit {
  #bytes: number;
  #raised: PromiseWithResolvers<void> | undefined;

  /**
   * @param bytes How many there are at first; `Infinity` where nobody counts.
   */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /**
   * Allows more.
   *
   * @param bytes How many.
   */
  add(bytes: number): void {
    this.#bytes += bytes;
    this.#raised?.resolve();
    this.#raised = undefined;
  }

  /**
   * Takes some, and waits until there are any. One caller at a time.
   *
   * @param most How many at most, 1 or more.
   * @param signal Ends the wait when it is aborted.
   * @returns How many.
   * @throws If the signal is aborted, its reason.
   */
  async take(most: number, signal: AbortSignal): Promise<number> {
    while (this.#bytes <= 0) {
      this.#raised = Promise.withResolvers<void>();
      await abortable(this.#raised.promise, signal);
    }
    const taken = Math.min(most, this.#bytes);
    this.#bytes -= taken;
    return taken;
  }
}
