/**
 * A log of what others cause as often as they like.
 *
 * @module
 */

import type { Logger } from "@logtape/logtape";

/** Options for {@linkcode LimitedLog}. */
export interface LimitedLogOptions {
  /** Where the records go. */
  readonly logger: Logger;
  /** Their level. */
  readonly level: "info" | "warning";
  /** How many are logged one by one within a period. */
  readonly max: number;
  /** How long a period is, in milliseconds. */
  readonly period: number;
  /**
   * The message about those that weren't logged one by one, with `{unlogged}` in the
   * place of their number.
   */
  readonly summary: string;
  /** More properties of that record. */
  readonly summaryProperties?: Readonly<Record<string, unknown>>;
}

/**
 * Logs events of a kind, those beyond some number within a period as a number only:
 * they must not push out of the log what others did.
 */
export class LimitedLog {
  readonly #options: LimitedLogOptions;
  #period = 0;
  #logged = 0;
  #unlogged = 0;

  /**
   * @param options The options.
   */
  constructor(options: LimitedLogOptions) {
    this.#options = options;
  }

  /**
   * Logs an event.
   *
   * @param message The message, with properties' names in braces.
   * @param properties The record's properties.
   */
  record(message: string, properties: Record<string, unknown>): void {
    const { logger, level, max, period } = this.#options;
    const current = Math.floor(performance.now() / period);
    if (current !== this.#period) {
      this.#period = current;
      this.#logged = 0;
    }
    if (this.#logged === max) {
      this.#unlogged++;
      return;
    }
    this.summarize();
    this.#logged++;
    logger[level](message, properties);
  }

  /** Logs how many events weren't logged one by one since the last time, if any. */
  summarize(): void {
    if (this.#unlogged === 0) return;
    const { logger, level, summary, summaryProperties } = this.#options;
    logger[level](summary, { ...summaryProperties, unlogged: this.#unlogged });
    this.#unlogged = 0;
  }
}
