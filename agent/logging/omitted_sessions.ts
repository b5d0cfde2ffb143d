/**
 * Sessions that ran nothing, of which a log holds no more than their number where
 * they are many.
 *
 * @module
 */

import type { LogRecord } from "@logtape/logtape";

/** The message that stands for the records of some sessions. */
export const OMITTED_MESSAGE = "{unlogged} sessions more ran nothing";
/** What tells that record from those of single sessions. */
export const OMITTED_EVENT = "omitted";

/**
 * Makes the record that stands for those of some sessions that ran nothing.
 *
 * @param unlogged How many sessions.
 * @returns The record.
 */
export function omittedRecord(unlogged: number): LogRecord {
  const [before, after] = OMITTED_MESSAGE.split("{unlogged}");
  return {
    category: ["cocoon-agent", "audit"],
    level: "info",
    message: [before!, unlogged, after!],
    rawMessage: OMITTED_MESSAGE,
    properties: { event: OMITTED_EVENT, unlogged },
    timestamp: Date.now(),
  };
}

/**
 * Returns how many sessions that ran nothing an audit record is about.
 *
 * @param record The record.
 * @returns Their number, 0 for a session that ran something.
 */
export function sessionsWithoutRun({ properties }: LogRecord): number {
  if (properties["event"] !== OMITTED_EVENT) {
    return properties["ran"] === false ? 1 : 0;
  }
  return Number(properties["unlogged"]);
}
