/**
 * The log of what is refused.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";

/** How many refusals are logged one by one within a second. */
const MAX_PER_SECOND = 10;

const logger = getLogger(["cocoon-agent", "server"]);

/**
 * Logs refusals of a kind, those beyond ten a second as a number only: they must
 * not push out of the log what was done by those who weren't refused.
 */
export class RefusalLog {
  readonly #summary: string;
  #second = 0;
  #logged = 0;
  #unlogged = 0;

  /**
   * @param summary The message about those that weren't logged one by one, with
   * `{unlogged}` in the place of their number.
   */
  constructor(summary: string) {
    this.#summary = summary;
  }

  /**
   * Logs a refusal.
   *
   * @param message The message, with properties' names in braces.
   * @param properties The record's properties.
   */
  record(message: string, properties: Record<string, unknown>): void {
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
      logger.warn(this.#summary, { unlogged: this.#unlogged });
      this.#unlogged = 0;
    }
    this.#logged++;
    logger.warn(message, properties);
  }
}
