/**
 * Sharing the agent's one thread.
 *
 * @module
 */

import { delay } from "@std/async/delay";

/** How many steps are done in one turn of the event loop. */
const STEPS_A_TURN = 8;

/** Cuts long work into slices, between which others have their turn. */
export class Turns {
  #steps = 0;

  /**
   * Counts a step, which must take a few system calls at most.
   *
   * @returns What to wait for before the next step, if others are to go on first.
   */
  step(): Promise<void> | undefined {
    if (++this.#steps % STEPS_A_TURN > 0) return undefined;
    return delay(0);
  }
}
