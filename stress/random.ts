/**
 * Numbers that look random, and that a seed brings back.
 *
 * @module
 */

/**
 * Mixes a seed and an index, so that neighbours have nothing in common.
 *
 * @param seed The seed, a 32-bit integer.
 * @param index The index.
 * @returns A seed of its own, a 32-bit integer without a sign.
 */
export function mixSeed(seed: number, index: number): number {
  let hash = (seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Draws a seed. */
export function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}

/** A sequence of numbers that its seed determines. */
export class Random {
  readonly #seed: number;
  #drawn = 0;

  /** @param seed The seed, a 32-bit integer. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /**
   * Draws an integer.
   *
   * @param min The smallest.
   * @param max The largest.
   */
  integer(min: number, max: number): number {
    const share = mixSeed(this.#seed, this.#drawn++) / 2 ** 32;
    return min + Math.floor(share * (max - min + 1));
  }

  /**
   * Draws an integer whose order of magnitude is as likely as any other.
   *
   * @param max The largest, 1 or more.
   */
  size(max: number): number {
    const bits = this.integer(0, Math.floor(Math.log2(max)));
    return Math.min(max, this.integer(2 ** bits, 2 ** (bits + 1)));
  }

  /**
   * Draws one of some values.
   *
   * @param values The values, of which there is at least one.
   */
  pick<T>(values: readonly T[]): T {
    return values[this.integer(0, values.length - 1)]!;
  }
}
