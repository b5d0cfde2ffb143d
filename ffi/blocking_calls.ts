/**
 * Calls that may block for as long as somebody else likes: a file system whose
 * server is gone, a name service that asks elsewhere.
 *
 * @module
 */

import { Errno, OsError } from "./errno.ts";

/** Options for {@linkcode BlockingCalls}. */
export interface BlockingCallsOptions {
  /**
   * How many calls may be under way at once, those included that nobody waits for
   * any more. The runtime's pool has 32 threads for all such calls, for its own
   * file operations and for the readiness loop.
   */
  readonly max: number;
  /** How long a caller waits, for its turn and for the result, in milliseconds. */
  readonly timeout: number;
}

/** Options of one call. */
export interface BlockingCallOptions<T> {
  /**
   * Takes the result of a call that nobody waits for any more, to release what it
   * holds.
   */
  readonly onLate?: ((result: T) => void) | undefined;
  /** Ends the wait for the call. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs calls on the runtime's thread pool, a bounded number at once, and gives up
 * waiting for them after a while. A thread that is blocked in the kernel cannot be
 * called back: its place is free again when the call returns.
 */
export class BlockingCalls {
  readonly #options: BlockingCallsOptions;
  /** The calls under way, which refer to the memory that the kernel writes to. */
  readonly #running = new Set<() => Promise<unknown>>();
  readonly #queue: (() => void)[] = [];

  /**
   * @param options The options.
   */
  constructor(options: BlockingCallsOptions) {
    this.#options = options;
  }

  /**
   * Makes a call.
   *
   * @param what What the call does, as it reads after "Cannot".
   * @param call Makes the non-blocking FFI call. The function is kept for as long
   * as the call runs, and with it the buffers that it refers to.
   * @param options The call's own options.
   * @returns The call's result.
   * @throws {OsError} `ETIMEDOUT` if there is no result in time, `EAGAIN` if there
   * are too many other calls under way for this one to begin in time.
   * @throws The reason of the signal, if that is aborted meanwhile.
   */
  async run<T>(
    what: string,
    call: () => Promise<T>,
    { onLate, signal }: BlockingCallOptions<T> = {},
  ): Promise<T> {
    signal?.throwIfAborted();
    const { promise: late, reject } = Promise.withResolvers<never>();
    late.catch(() => {});
    let code: number = Errno.EAGAIN;
    let over = false;
    const giveUp = (reason: unknown) => {
      over = true;
      reject(reason);
    };
    const onAbort = () => giveUp(signal?.reason);
    signal?.addEventListener("abort", onAbort);
    const timer = setTimeout(
      () => giveUp(new OsError(code, what)),
      this.#options.timeout,
    );
    try {
      // No turn of the event loop between the look and the start.
      while (this.#running.size >= this.#options.max) await this.#turn(late);
      code = Errno.ETIMEDOUT;
      const result = this.#start(call);
      result.then((value) => {
        if (over) onLate?.(value);
      }, () => {});
      return await Promise.race([result, late]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Waits until a call has ended. */
  async #turn(late: Promise<never>): Promise<void> {
    const { promise: turn, resolve } = Promise.withResolvers<void>();
    this.#queue.push(resolve);
    try {
      await Promise.race([turn, late]);
    } catch (error) {
      const place = this.#queue.indexOf(resolve);
      if (place >= 0) this.#queue.splice(place, 1);
      // The turn came together with the time-out, and is the next caller's.
      else this.#queue.shift()?.();
      throw error;
    }
  }

  async #start<T>(call: () => Promise<T>): Promise<T> {
    this.#running.add(call);
    try {
      return await call();
    } finally {
      this.#running.delete(call);
      this.#queue.shift()?.();
    }
  }
}
