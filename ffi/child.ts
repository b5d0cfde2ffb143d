/**
 * A running child process.
 *
 * @module
 */

import type { AsyncFd } from "./async_fd.ts";
import { discardOutput } from "./discard.ts";
import { ExitWatch } from "./exit_watch.ts";
import { readableFromFd, writableFromFd } from "./fd_streams.ts";
import { libc } from "./libc.ts";
import { PtyMaster, writableFromPty } from "./pty.ts";
import { signalNumber } from "./signals.ts";
import type { WindowSize } from "./terminal.ts";
import { type ChildStatus, exitOf, reapIfEnded } from "./wait.ts";

/** This process's ends of a child's pipes. */
export type ChildStreams = Readonly<
  Record<"stdin" | "stdout" | "stderr", AsyncFd>
>;

/**
 * A child process that leads a process group of its own, with its standard
 * streams on pipes, or that leads a session of its own on a terminal.
 *
 * The child is reaped by {@linkcode Child.close} alone. Until then its process
 * id and its group's belong to nobody else, so that signals cannot go astray,
 * also when the child ended long ago and left others in its group.
 */
export class Child implements Disposable {
  /** The process id, which is the process group's and the session's too. */
  readonly pid: number;
  /**
   * The child's standard input. Closing it ends the input of the terminal
   * where there is one, see {@linkcode PtyMaster.endInput}.
   */
  readonly stdin: WritableStream<Uint8Array>;
  /** The child's standard output; all that is written to a terminal. */
  readonly stdout: ReadableStream<Uint8Array>;
  /** The child's standard error; nothing where there is a terminal. */
  readonly stderr: ReadableStream<Uint8Array>;
  /** Resolves when the child has ended. */
  readonly status: Promise<ChildStatus>;
  readonly #exit: ExitWatch;
  /** Where its input goes: its pipe, or the terminal. */
  readonly #input: AsyncFd;
  /** The pipes of its output, of which a terminal has none. */
  readonly #outputs: readonly AsyncFd[];
  readonly #terminal: PtyMaster | undefined;
  readonly #drain = new AbortController();
  /** The other group that was in the foreground when the terminal was closed. */
  #lastForeground: number | undefined;
  /** Whether the child was to end with all that it has started. */
  #killed = false;
  #closed = false;
  #reaped: ChildStatus | undefined;

  /**
   * @param pid The child, a group leader.
   * @param streams This process's ends of its pipes, or the master of the
   * terminal that controls its session.
   */
  constructor(pid: number, streams: ChildStreams | PtyMaster) {
    const drain = this.#drain.signal;
    this.pid = pid;
    this.#exit = new ExitWatch(pid);
    if (streams instanceof PtyMaster) {
      this.stdin = writableFromPty(streams);
      // A child that has closed its terminal goes on, and isn't to be hung up.
      this.stdout = readableFromFd(streams, { drain, preventClose: true });
      this.stderr = new ReadableStream({
        type: "bytes",
        start: (controller) => controller.close(),
      });
      this.#input = streams;
      this.#outputs = [];
      this.#terminal = streams;
    } else {
      this.stdin = writableFromFd(streams.stdin);
      this.stdout = readableFromFd(streams.stdout, { drain });
      this.stderr = readableFromFd(streams.stderr, { drain });
      this.#input = streams.stdin;
      this.#outputs = [streams.stdout, streams.stderr];
    }
    this.status = this.#wait();
    // Whoever never asks must not bring the process down.
    this.status.catch(() => {});
  }

  /**
   * Sends a signal to every process of the child's group, or with a terminal to
   * those of the group in its foreground, as its keys do. A group without a
   * process is no error.
   *
   * @param signal The signal's name.
   */
  signal(signal: Deno.Signal): void {
    this.#send(signal, [this.#foregroundGroup() ?? this.pid]);
  }

  /**
   * Sends a signal to every process of the child's group, and with a terminal
   * also to those of the group in its foreground; a group without a process is
   * no error.
   *
   * @param signal The signal's name.
   */
  killGroup(signal: Deno.Signal): void {
    this.#killed ||= signal === "SIGKILL";
    this.#send(signal, this.#groups());
  }

  /**
   * Sets the size of the child's terminal, if there is one.
   *
   * @param size The size, whole numbers from 0 to 65535.
   * @throws {RangeError} If the size is outside of that.
   */
  resize(size: WindowSize): void {
    if (this.#terminal && !this.#terminal.closed) this.#terminal.resize(size);
  }

  /**
   * Takes the child's terminal away, as when its window is closed: the groups of
   * {@linkcode Child.killGroup} get SIGHUP, and SIGCONT so that those that are
   * stopped see it. Without a terminal they get SIGHUP alone. A second call does
   * nothing.
   */
  hangUp(): void {
    if (this.#terminal?.closed) return;
    const groups = this.#groups();
    this.#send("SIGHUP", groups);
    if (!this.#terminal) return;
    this.#send("SIGCONT", groups);
    this.#lastForeground = groups[1];
    this.#terminal.close();
  }

  /**
   * Tells whether any of those runs whom {@linkcode Child.killGroup} would reach,
   * but for what a child that has ended left behind in its own group.
   */
  get running(): boolean {
    return !this.#reaped && (
      exitOf(this.pid) === undefined ||
      this.#groups().slice(1).some((group) => libc().kill(-group, 0) === 0)
    );
  }

  /**
   * Ends {@linkcode Child.stdout} and {@linkcode Child.stderr} with what is
   * there by now, whoever still holds the other ends. What comes later is thrown
   * away once the child is closed.
   */
  drain(): void {
    this.#drain.abort();
  }

  /**
   * Closes the streams and reaps the child. A child that still runs is killed
   * as by {@linkcode Child.killGroup}, and reaped when it is gone, without
   * holding anybody up. What a child that was never killed has left behind may write
   * to its pipes for as long as it likes, see {@linkcode discardOutput}.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    let ended: ChildStatus | undefined;
    try {
      ended = exitOf(this.pid);
      // Before the terminal, whose end would end it in another way.
      if (!ended) this.killGroup("SIGKILL");
    } catch (error) {
      this.#exit.close();
      throw error;
    } finally {
      this.#input.close();
      for (const fd of this.#outputs) {
        if (ended && !this.#killed && !fd.closed) discardOutput(fd);
        else fd.close();
      }
    }
    if (ended) this.#reap();
  }

  /** Closes the child as {@linkcode Child.close} does. */
  [Symbol.dispose](): void {
    this.close();
  }

  #send(signal: Deno.Signal, groups: readonly number[]): void {
    if (this.#reaped) return;
    const number = signalNumber(signal);
    for (const group of groups) libc().kill(-group, number);
  }

  /** The child's group, and the foreground's if it is another one. */
  #groups(): number[] {
    const foreground = this.#foregroundGroup();
    return foreground === undefined || foreground === this.pid
      ? [this.pid]
      : [this.pid, foreground];
  }

  #foregroundGroup(): number | undefined {
    const group = this.#terminal?.closed
      ? this.#lastForeground
      : this.#terminal?.foregroundGroup();
    if (group === undefined) return undefined;
    // The group may be gone, and its number another session's by now.
    const session = libc().getsid(group);
    return session < 0 || session === this.pid ? group : undefined;
  }

  async #wait(): Promise<ChildStatus> {
    for (;;) {
      const status = exitOf(this.pid);
      if (status) {
        if (this.#closed) this.#reap();
        return status;
      }
      await this.#exit.due();
      // The process id may be another's by now.
      if (this.#reaped) return this.#reaped;
    }
  }

  #reap(): void {
    if (this.#reaped) return;
    try {
      this.#reaped = reapIfEnded(this.pid);
    } finally {
      this.#exit.close();
    }
  }
}
