/**
 * A non-blocking file descriptor whose readiness can be awaited.
 *
 * @module
 */

import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from "./abi.ts";
import { Fd } from "./fd.ts";
import { readinessLoop, type Token, type Watcher } from "./readiness_loop.ts";

const HANGUP = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

/**
 * An owned non-blocking descriptor of a pipe, a socket or the like. It is
 * registered with the readiness loop when something first has to wait.
 *
 * At most one reader and one writer wait at a time. Closing wakes both.
 */
export class AsyncFd extends Fd implements Watcher {
  #token: Token | undefined;
  #interest = 0;
  #reader: PromiseWithResolvers<void> | undefined;
  #writer: PromiseWithResolvers<void> | undefined;
  #onHangup: ((events: number) => void) | undefined;
  #watchesRoom = false;

  /**
   * Waits until a read that found nothing may find something.
   *
   * @returns A promise that resolves at the next event, or when the descriptor
   * is closed.
   */
  readable(): Promise<void> {
    this.#reader ??= Promise.withResolvers<void>();
    this.#watch(EPOLLIN);
    return this.#reader.promise;
  }

  /**
   * Waits until a write that found no room may find some.
   *
   * @returns A promise that resolves at the next event, or when the descriptor
   * is closed.
   */
  writable(): Promise<void> {
    this.#writer ??= Promise.withResolvers<void>();
    this.#watch(EPOLLOUT);
    return this.#writer.promise;
  }

  /**
   * Calls back whenever the other end hangs up, in part or for good, also while
   * nobody reads.
   *
   * @param callback Called from the readiness loop with the `EPOLL*` bits that
   * arrived.
   */
  onHangup(callback: (events: number) => void): void {
    this.#onHangup = callback;
    this.#watch(EPOLLIN);
  }

  /**
   * Has {@linkcode onEvents} called whenever the other end has made room, also
   * while nobody writes.
   */
  watchRoom(): void {
    this.#watchesRoom = true;
    this.#watch(EPOLLOUT);
  }

  /** Receives the descriptor's events from the readiness loop. */
  onEvents(events: number): void {
    if (events & (EPOLLIN | HANGUP)) {
      this.#reader?.resolve();
      this.#reader = undefined;
    }
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR) && this.#writer) {
      this.#writer.resolve();
      this.#writer = undefined;
      // Every byte that the peer takes would be an event from now on.
      if (!this.#watchesRoom) {
        this.#interest &= ~EPOLLOUT;
        readinessLoop.modify(this.#token!, this, this.#interest);
      }
    }
    if (events & HANGUP) this.#onHangup?.(events);
  }

  /** Ends the waits of the reader and the writer, for them to look again. */
  wake(): void {
    this.#reader?.resolve();
    this.#writer?.resolve();
    this.#reader = this.#writer = undefined;
  }

  override close(): void {
    if (this.closed) return;
    super.close();
    if (this.#token !== undefined) readinessLoop.remove(this.#token);
    this.wake();
  }

  #watch(events: number): void {
    const interest = this.#interest | events | EPOLLRDHUP;
    if (this.#token === undefined) {
      this.#token = readinessLoop.add(this, interest, this);
    } else if (interest !== this.#interest) {
      readinessLoop.modify(this.#token, this, interest);
    }
    this.#interest = interest;
  }
}
