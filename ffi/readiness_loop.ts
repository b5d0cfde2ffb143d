/**
 * The one place that waits for file descriptors: a single epoll_wait(2) on a
 * thread of the runtime's pool, woken through an eventfd(2).
 *
 * The loop runs while something is registered and ends with the last of it, so
 * that it neither keeps a process alive for nothing nor wakes an idle one.
 *
 * @module
 */

import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  EPOLL_EVENT,
  EPOLLET,
  EPOLLIN,
  O_CLOEXEC,
  O_NONBLOCK,
} from "./abi.ts";
import { Errno, OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { errno, libc } from "./libc.ts";

/** Receives the events of one file descriptor. */
export interface Watcher {
  /**
   * @param events The `EPOLL*` bits that arrived.
   */
  onEvents(events: number): void;
}

/** Identifies a registration; numbers of closed descriptors come back, tokens don't. */
export type Token = number;

const EVENTS_PER_WAIT = 64;
const WAKE_TOKEN = 0;
/**
 * How many operations may succeed without waiting, and how many rounds of
 * events may follow each other, before timers, signals and the other sessions
 * get their turn.
 */
const OPERATIONS_PER_TURN = 128;
const ROUNDS_PER_TURN = 16;
/**
 * How long the operations of one turn may take, in milliseconds: some take
 * hundreds of times as long as others.
 */
const TURN_TIME = 5;
/** How much of a turn there is for bulk work, so that operations come after it. */
const BULK_TIME = 2;

const WORDS_PER_EVENT = EPOLL_EVENT.size / 4;
const EVENTS_WORD = EPOLL_EVENT.events / 4;
const DATA_WORD = EPOLL_EVENT.data / 4;

class ReadinessLoop {
  readonly #watchers = new Map<Token, Watcher>();
  readonly #events = new Int32Array(EVENTS_PER_WAIT * WORDS_PER_EVENT);
  readonly #change = new Int32Array(WORDS_PER_EVENT);
  #nextToken = WAKE_TOKEN + 1;
  #epoll: Fd | undefined;
  #wake: Fd | undefined;
  #parked = false;
  #operations = 0;
  /** When the first operation of this turn was counted. */
  #began: number | undefined;
  #turn: PromiseWithResolvers<void> | undefined;

  /**
   * Registers a descriptor, edge-triggered.
   *
   * @param fd The descriptor. Closing it ends its registration in the kernel;
   * {@linkcode ReadinessLoop.remove} must follow.
   * @param events The `EPOLL*` bits to watch for.
   * @param watcher Receives the events.
   * @returns The registration's token.
   */
  add(fd: Fd, events: number, watcher: Watcher): Token {
    const token = this.#nextToken;
    // The kernel hands 32 signed bits back.
    this.#nextToken = (token + 1 | 0) || WAKE_TOKEN + 1;
    if (this.#epoll === undefined) this.#start();
    this.#control(EPOLL_CTL_ADD, fd, events, token);
    this.#watchers.set(token, watcher);
    return token;
  }

  /**
   * Changes what is watched for. If one of the events holds already, it is
   * reported again.
   */
  modify(token: Token, fd: Fd, events: number): void {
    this.#control(EPOLL_CTL_MOD, fd, events, token);
  }

  /** Forgets a registration. The last one ends the loop. */
  remove(token: Token): void {
    this.#watchers.delete(token);
    if (this.#watchers.size === 0) this.#unpark();
  }

  /**
   * Counts one operation that needn't wait: a read, a write, a child's start.
   *
   * @returns `undefined` if the operation may be done at once. Where the turn was
   * long enough, a promise that resolves when the event loop has gone round: the
   * operation is to be counted again then, as the others may have taken that turn
   * as well.
   */
  countOperation(): Promise<void> | undefined {
    const spent = ++this.#operations > OPERATIONS_PER_TURN;
    return spent || this.#age() >= TURN_TIME ? this.nextTurn() : undefined;
  }

  /**
   * Counts a part of some work that a peer can make as long as it likes, such as
   * the lines of one chunk. All such work shares a part of each turn, in the order
   * in which it was counted, and leaves the rest to operations.
   *
   * @returns As {@linkcode ReadinessLoop.countOperation} does.
   */
  countBulk(): Promise<void> | undefined {
    return this.#age() >= BULK_TIME ? this.nextTurn() : undefined;
  }

  /**
   * Ends the turn: everybody else goes on first, whose events are there by now. A
   * timer is no substitute: while the process is busy it may fire a second late.
   *
   * @returns A promise that resolves when the event loop has gone round.
   */
  nextTurn(): Promise<void> {
    if (this.#turn === undefined) {
      this.#turn = Promise.withResolvers<void>();
      if (this.#epoll === undefined) setTimeout(() => this.#endTurn(), 0);
      else this.#unpark();
    }
    return this.#turn.promise;
  }

  /** Returns how long this turn has lasted, in milliseconds, as far as is known. */
  #age(): number {
    if (this.#epoll === undefined) return 0;
    const now = performance.now();
    return now - (this.#began ??= now);
  }

  #control(operation: number, fd: Fd, events: number, token: Token): void {
    this.#change[EVENTS_WORD] = events | EPOLLET;
    this.#change[DATA_WORD] = token;
    const result = libc().epoll_ctl(
      this.#epoll!.number,
      operation,
      fd.number,
      this.#change,
    );
    if (result < 0) throw new OsError(errno(), "watch a file descriptor");
  }

  #start(): void {
    const epoll = libc().epoll_create1(O_CLOEXEC);
    if (epoll < 0) throw new OsError(errno(), "create an epoll instance");
    this.#epoll = new Fd(epoll);
    const wake = libc().eventfd(0, O_CLOEXEC | O_NONBLOCK);
    if (wake < 0) {
      const code = errno();
      this.#stop();
      throw new OsError(code, "create an eventfd");
    }
    this.#wake = new Fd(wake);
    try {
      this.#control(EPOLL_CTL_ADD, this.#wake, EPOLLIN, WAKE_TOKEN);
    } catch (error) {
      this.#stop();
      throw error;
    }
    // If it fails nobody could wait any more, so its failure is fatal on purpose.
    this.#run();
  }

  #stop(): void {
    this.#epoll?.close();
    this.#wake?.close();
    this.#epoll = this.#wake = undefined;
    this.#endTurn();
  }

  async #run(): Promise<void> {
    // Let the caller of #start register its descriptor first.
    await undefined;
    let rounds = 0;
    while (this.#watchers.size > 0) {
      // Asking first saves the hop to another thread while work is waiting.
      const count = rounds < ROUNDS_PER_TURN && this.#turn === undefined
        ? this.#poll()
        : 0;
      if (count > 0) {
        rounds++;
        this.#dispatch(count);
      } else {
        rounds = 0;
        this.#dispatch(await this.#park());
      }
      // Let what was woken do its work.
      await undefined;
    }
    this.#stop();
  }

  #poll(): number {
    const count = libc().epoll_wait(
      this.#epoll!.number,
      this.#events,
      EVENTS_PER_WAIT,
      0,
    );
    if (count >= 0) return count;
    const code = errno();
    if (code === Errno.EINTR) return 0;
    throw new OsError(code, "wait for events");
  }

  async #park(): Promise<number> {
    this.#parked = true;
    // However long nothing happens, that is no part of a turn.
    if (this.#turn === undefined) this.#began = undefined;
    const count = await libc().epoll_wait_blocking(
      this.#epoll!.number,
      this.#events,
      EVENTS_PER_WAIT,
      this.#turn === undefined ? -1 : 0,
    );
    this.#parked = false;
    this.#endTurn();
    // A failure's errno stayed on the other thread: the next #poll reports it.
    return Math.max(count, 0);
  }

  #unpark(): void {
    // Edge-triggered, so each write is an event and nobody needs to read it.
    if (this.#parked) this.#wake!.tryWrite(ONE);
  }

  #endTurn(): void {
    this.#operations = 0;
    this.#began = undefined;
    this.#turn?.resolve();
    this.#turn = undefined;
  }

  #dispatch(count: number): void {
    for (let index = 0; index < count; index++) {
      const word = index * WORDS_PER_EVENT;
      this.#watchers.get(this.#events[word + DATA_WORD]!)
        ?.onEvents(this.#events[word + EVENTS_WORD]!);
    }
  }
}

/** The 64-bit number 1, as eventfd(2) takes it. */
const ONE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

/** The process's one readiness loop. */
export const readinessLoop: ReadinessLoop = new ReadinessLoop();
