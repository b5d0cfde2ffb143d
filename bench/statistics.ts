/**
 * The few statistics that the benchmarks need.
 *
 * @module
 */

/**
 * Returns a percentile: the smallest value that at least that share of all
 * values does not exceed.
 *
 * @param values The values, in any order.
 * @param percent Which percentile, from 0 to 100.
 * @throws {RangeError} If there are no values.
 */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) {
    throw new RangeError("Cannot take a percentile of no values");
  }
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.ceil(sorted.length * percent / 100);
  return sorted[Math.max(rank, 1) - 1]!;
}

/**
 * Returns the median, which for an even number of values is between the middle
 * two.
 *
 * @param values The values, in any order.
 * @throws {RangeError} If there are no values.
 */
export function median(values: readonly number[]): number {
  if (values.length === 0) {
    throw new RangeError("Cannot take the median of no values");
  }
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** What several rounds have measured, by the name of what was measured. */
export class Rounds {
  readonly #values = new Map<string, number[]>();

  /**
   * Adds what a round has measured.
   *
   * @param name Of what.
   * @param value The figure.
   */
  add(name: string, value: number): void {
    const values = this.#values.get(name);
    if (values) values.push(value);
    else this.#values.set(name, [value]);
  }

  /**
   * Returns the figures of all rounds, in order.
   *
   * @param name Of what.
   */
  all(name: string): readonly number[] {
    return this.#values.get(name) ?? [];
  }

  /**
   * Returns the median of all rounds, or `undefined` if it was never measured.
   *
   * @param name Of what.
   */
  median(name: string): number | undefined {
    const values = this.all(name);
    return values.length === 0 ? undefined : median(values);
  }
}
