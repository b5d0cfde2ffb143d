/**
 * Sharing places out among callers.
 *
 * @module
 */

/** The part of all places that one caller cannot have, where there are others. */
const OTHERS_PART = 1 / 4;

/**
 * A number of places, of which no caller can take all where several may come: some
 * are kept for each, and the rest is for whoever comes first.
 */
export class Admission {
  /** How many places are kept for each caller. */
  readonly #kept: number;
  /** How many places are for all. */
  readonly #common: number;
  readonly #held = new Map<number, number>();
  #commonHeld = 0;

  /**
   * @param places How many places there are.
   * @param callers All who may come. Where they are more than one, each has at least
   * one place, if there are as many, and at most about three quarters.
   */
  constructor(places: number, callers: ReadonlySet<number>) {
    const others = callers.size - 1;
    this.#kept = others < 1 ? 0 : Math.min(
      Math.floor(places / callers.size),
      Math.ceil(places * OTHERS_PART / others),
    );
    this.#common = places - this.#kept * callers.size;
  }

  /**
   * Takes a place.
   *
   * @param caller Who takes it.
   * @returns Whether there was one for that caller.
   */
  enter(caller: number): boolean {
    const held = this.#held.get(caller) ?? 0;
    if (held >= this.#kept) {
      if (this.#commonHeld >= this.#common) return false;
      this.#commonHeld++;
    }
    this.#held.set(caller, held + 1);
    return true;
  }

  /**
   * Gives a place back.
   *
   * @param caller Who has taken it.
   */
  leave(caller: number): void {
    const held = this.#held.get(caller) ?? 0;
    if (held > this.#kept) this.#commonHeld--;
    this.#held.set(caller, held - 1);
  }
}
