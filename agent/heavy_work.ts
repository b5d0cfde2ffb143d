/**
 * Work that takes the agent's one thread for milliseconds at a time.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { readinessLoop } from "../ffi/readiness_loop.ts";

/** From how long on a piece of work is followed by a rest, in milliseconds. */
const LONG = 2;
/** How long a rest is at most, in milliseconds. */
const MAX_REST = 250;

/**
 * Hands out the thread for pieces of heavy work, such as parsing a frame with
 * thousands of variables: one piece a turn of the event loop, over all sessions, and
 * behind a long piece as much time again for everybody else. However many clients
 * send such frames, an ordinary session waits for a piece or two.
 */
export class HeavyWork {
  /** The waiting sessions: those with work that has begun go before the others. */
  readonly #begun: (() => void)[] = [];
  readonly #fresh: (() => void)[] = [];
  #busy = false;

  /**
   * Asks for a turn.
   *
   * @param begun Whether it is for more of some work that has begun, and holds memory
   * until it is done.
   * @returns `undefined` if the work may be done at once; else a promise that resolves
   * when it may be done, without another wait before it.
   */
  enter(begun = false): Promise<void> | undefined {
    if (!this.#busy) {
      this.#busy = true;
      this.#run();
      return undefined;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    (begun ? this.#begun : this.#fresh).push(resolve);
    return promise;
  }

  /** Calls the waiting sessions one after the other, and ends with the last one. */
  async #run(): Promise<void> {
    for (;;) {
      const start = performance.now();
      // The piece is done by then, as nobody waits within one.
      await readinessLoop.nextTurn();
      const taken = performance.now() - start;
      if (taken > LONG) await delay(Math.min(taken, MAX_REST));
      const next = this.#begun.shift() ?? this.#fresh.shift();
      if (next === undefined) break;
      next();
    }
    this.#busy = false;
  }
}

/** The process's one place for heavy work. */
export const heavyWork: HeavyWork = new HeavyWork();
