/**
 * The log of connections that are refused.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";

/** How many refusals are logged one by one within a second. */
const MAX_PER_SECOND = 10;

const logger = getLogger(["cocoon-agent", "server"]);

/**
 * Logs refusals, those beyond ten a second as a number only: who is not let in
 * must not push out of the log what those did who were.
 */
export class RefusalLog {
  #second = 0;
  #logged = 0;
  #unlogged = 0;

  /**
   * Logs a refusal.
   *
   * @param peer Who was refused.
   * @param admitted Who is let in.
   */
  record(peer: string, admitted: string): void {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#logged = 0;
    }
    if (this.#logged === MAX_PER_SECOND) {
      this.#unlogged++;
      return;
    }
    if (this.#unlogged > 0) {
      logger.warn("{unlogged} connections more were refused", {
        unlogged: this.#unlogged,
      });
      this.#unlogged = 0;
    }
    this.#logged++;
    logger.warn("Connection of {peer} refused: only {admitted} is let in", {
      peer,
      admitted,
    });
  }
}
