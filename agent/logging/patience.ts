/**
 * Waiting for what may hang.
 *
 * @module
 */

/** How long something is waited for at first, in milliseconds. */
const TIMEOUT = 500;

/**
 * Waits for a place that takes records, such as a disk: for a moment, and not at all
 * while it is known to hang. Nobody is held up by it more than once.
 */
export class Patience {
  #hanging = 0;

  /**
   * Waits.
   *
   * @param done Resolves when the place has taken a record.
   * @returns A promise that resolves then, or when that takes too long.
   */
  async wait(done: Promise<void>): Promise<void> {
    if (this.#hanging > 0) return;
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(true), TIMEOUT);
    const hangs = await Promise.race([done.then(() => false), late]);
    clearTimeout(timer);
    if (!hangs) return;
    this.#hanging++;
    done.then(() => this.#hanging--);
  }
}
