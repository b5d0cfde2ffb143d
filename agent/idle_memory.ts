/**
 * What the agent keeps of memory while nobody needs it.
 *
 * @module
 */

import { trimMalloc } from "../ffi/memory.ts";

/** How long there must have been no session, in milliseconds. */
const QUIET = 1000;
/** What must have come to the memory since the last time, in bytes. */
const GROWTH = 8 * 1024 * 1024;

/** V8's `gc`, which `--expose-gc` defines: in the compiled binary. */
type CollectGarbage = (options: {
  type: "major";
  execution: "sync";
  flavor: "last-resort";
}) => void;

/**
 * Gives memory back to the guest once no session has run for a second. V8 does so
 * by itself only when it allocates: after 10,000 sessions, 85 to 105 MB would stay
 * resident for as long as the agent is idle, and 65 do so. It takes 20 ms of the
 * main thread, and is left alone where there is little to gain.
 */
export class IdleMemory {
  readonly #collect = (globalThis as { gc?: CollectGarbage }).gc;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #resident = 0;

  /** Says that there are no sessions, until {@linkcode busy} is called. */
  idle(): void {
    const timer = setTimeout(() => this.#release(), QUIET);
    // It keeps nobody from exiting.
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  /** Says that there is a session. */
  busy(): void {
    clearTimeout(this.#timer);
  }

  #release(): void {
    if (Deno.memoryUsage().rss < this.#resident + GROWTH) return;
    this.#collect?.({
      type: "major",
      execution: "sync",
      flavor: "last-resort",
    });
    trimMalloc();
    this.#resident = Deno.memoryUsage().rss;
  }
}
