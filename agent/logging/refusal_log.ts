/**
 * The log of what is refused.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { LimitedLog } from "./limited_log.ts";

/** How many refusals are logged one by one within a second. */
const MAX_PER_SECOND = 10;

const logger = getLogger(["cocoon-agent", "server"]);

/** Logs refusals of a kind, those beyond ten a second as a number only. */
export class RefusalLog extends LimitedLog {
  /**
   * @param summary The message about those that weren't logged one by one, with
   * `{unlogged}` in the place of their number.
   */
  constructor(summary: string) {
    const level = "warning";
    super({ logger, level, max: MAX_PER_SECOND, period: 1000, summary });
  }
}
