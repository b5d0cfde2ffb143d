/**
 * How long clients waited that had nothing to do with a fault.
 *
 * @module
 */

import { percentile } from "../../bench/statistics.ts";

/** How long the others waited. */
export interface Waits {
  /** From connecting to the `exit` frame of `true`, in milliseconds each. */
  readonly commands: number[];
  /** For a line to come back from a `cat` that stays, in milliseconds each. */
  readonly echoes: number[];
  /** How often the agent answered `busy`, and was asked again. */
  busy: number;
}

/**
 * Formats how long each of many waits took.
 *
 * @param waits The waits, in milliseconds; at least one.
 * @returns The median, the 99th percentile and the longest.
 */
export function formatWaits(waits: readonly number[]): string {
  const [p50, p99, max] = [50, 99, 100].map((percent) => {
    const wait = percentile(waits, percent);
    return wait.toFixed(wait < 10 ? 1 : 0);
  });
  return `${p50} / ${p99} / ${max} ms`;
}
