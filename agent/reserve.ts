/**
 * Connections that there is no session for.
 *
 * @module
 */

import { Admission } from "./admission.ts";
import type { SessionConnection } from "./session.ts";
import { type Answers, turnAway } from "./turn_away.ts";

/** How many connections are answered at once. */
const PLACES = 100;

/**
 * How long a connection keeps its place while others want it, in milliseconds.
 * Clients send their first frame as soon as they are connected.
 */
const UNDISTURBED = 100;

/**
 * Answers those who come when all sessions are taken: `info`, so that probes work at
 * all times, and whatever else by `busy`. There are a hundred places for that, and
 * whoever finds none is closed without a word. Silence holds no place for long: the
 * connection that has held one for longest makes room for the next one of its caller.
 */
export class Reserve {
  readonly #places: Admission;
  /** The connections that have a place, in the order in which they got it. */
  readonly #holders = new Map<
    SessionConnection,
    { readonly caller: number; readonly since: number }
  >();

  /**
   * @param callers All who may come.
   */
  constructor(callers: ReadonlySet<number>) {
    this.#places = new Admission(PLACES, callers);
  }

  /**
   * Answers a connection, and closes it.
   *
   * @param connection The connection.
   * @param caller Whose it is.
   * @param answers What it may be answered.
   * @returns Whether it asked for `info`, and was answered.
   */
  async answer(
    connection: SessionConnection,
    caller: number,
    answers: Answers,
  ): Promise<boolean> {
    if (!this.#places.enter(caller) && !this.#replace(caller)) {
      connection.close();
      return false;
    }
    this.#holders.set(connection, { caller, since: performance.now() });
    try {
      return await turnAway(connection, answers);
    } finally {
      // Otherwise another connection has the place by now.
      if (this.#holders.delete(connection)) this.#places.leave(caller);
    }
  }

  /** Closes the caller's oldest connection, so that its place can be had. */
  #replace(caller: number): boolean {
    const latest = performance.now() - UNDISTURBED;
    for (const [connection, holder] of this.#holders) {
      if (holder.since > latest) return false;
      if (holder.caller !== caller) continue;
      this.#holders.delete(connection);
      connection.close();
      return true;
    }
    return false;
  }
}
