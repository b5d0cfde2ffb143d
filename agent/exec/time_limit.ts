/**
 * How long a command may take.
 *
 * @module
 */

import type { Child } from "../../ffi/child.ts";

/** How long a command has between SIGTERM and SIGKILL, in milliseconds. */
export const TERM_GRACE = 2000;
/** The longest time that a timer can run, in milliseconds: 24.8 days. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** Ends a command whose time is up: SIGTERM to its group, and later it is killed. */
export class TimeLimit implements Disposable {
  #reached = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Begins to count.
   *
   * @param child The command.
   * @param milliseconds How long it may take; 0 for as long as it likes.
   * @param kill Kills it, with what it has started.
   */
  constructor(child: Child, milliseconds: number, kill: () => void) {
    if (milliseconds === 0) return;
    this.#timer = setTimeout(() => {
      this.#reached = true;
      child.killGroup("SIGTERM");
      this.#timer = setTimeout(kill, TERM_GRACE);
    }, Math.min(milliseconds, MAX_TIMEOUT));
    const ended = () => {
      // What it left behind has the rest of the grace, if it was told to end.
      if (!this.#reached) this[Symbol.dispose]();
    };
    child.status.then(ended, ended);
  }

  /** Whether the time was up before the command had ended. */
  get reached(): boolean {
    return this.#reached;
  }

  /** Stops to count. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
