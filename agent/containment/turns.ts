/**
 * Sharing the agent's one thread.
 *
 * @module
 */

import { readinessLoop } from "../../ffi/readiness_loop.ts";

/** How many steps are done in one turn of the event loop at most. */
const STEPS_A_TURN = 64;
/** How long they take at most, but for the last one, in milliseconds. */
const TIME_A_TURN = 5;

/** Cuts long work into slices, between which others have their turn. */
export class Turns {
  #steps = 0;
  #end = performance.now() + TIME_A_TURN;

  /**
   * Counts a step, which must take a few system calls at most.
   *
   * @returns What to wait for before the next step, if others are to go on first.
   */
  step(): Promise<void> | undefined {
    this.#steps++;
    const isOver = this.#steps >= STEPS_A_TURN ||
      performance.now() >= this.#end;
    return isOver ? this.#next() : undefined;
  }

  async #next(): Promise<void> {
    await readinessLoop.nextTurn();
    this.#steps = 0;
    this.#end = performance.now() + TIME_A_TURN;
  }
}
