/**
 * What a client sends while its command runs.
 *
 * @module
 */

import type { Child } from "../../ffi/child.ts";
import { isSignalName } from "../../ffi/signals.ts";
import {
  type Frame,
  type KnownFrame,
  ProtocolError,
} from "../../protocol/mod.ts";
import type { CommandRecord } from "../logging/audit.ts";
import type { SessionPace } from "../session_pace.ts";
import { Backlog } from "./backlog.ts";

/** Options for {@linkcode pumpInput}. */
export interface InputOptions {
  /** The frames that follow the first one. */
  readonly frames: ReadableStreamDefaultReader<Frame>;
  /** Where frames for the client go. */
  readonly client: WritableStreamDefaultWriter<KnownFrame>;
  /** Leaves the other sessions their turn. */
  readonly pace: SessionPace;
  /**
   * How many bytes of stdin a client that counts its credit may have under way, so
   * that no frame waits for stdin; `undefined` if it doesn't count.
   */
  readonly window: number | undefined;
  /** What is counted for the audit record. */
  readonly record: CommandRecord;
}

/**
 * Feeds a command's stdin, resizes its terminal and sends it signals as the
 * client says, until the client says no more.
 *
 * @param child The command.
 * @param options The options.
 * @throws {ProtocolError} If the client breaks the protocol.
 */
export async function pumpInput(
  child: Child,
  options: InputOptions,
): Promise<void> {
  const stdin = new Stdin(child, options);
  for (;;) {
    // A flood of tiny frames comes with few reads, and must not hold the others
    // up.
    for (let turn; (turn = options.pace.frame());) await turn;
    const { done, value: frame } = await options.frames.read();
    if (done) return stdin.close();
    switch (frame.type) {
      case "stdin":
        await stdin.write(frame.data);
        break;
      case "stdin_close":
        stdin.close();
        break;
      case "signal":
        if (!isSignalName(frame.signal)) {
          throw new ProtocolError(
            `Cannot send signal ${
              JSON.stringify(frame.signal.slice(0, 64))
            }: there is no such signal`,
          );
        }
        child.signal(frame.signal);
        break;
      case "resize":
        // A zero means that it isn't known.
        if (frame.rows > 0 && frame.cols > 0) child.resize(frame);
        break;
    }
  }
}

/** A command's stdin, which may be closed by either end. */
class Stdin {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #options: InputOptions;
  readonly #backlog: Backlog;
  /**
   * Credit is given back in pieces of this size, to save frames and wakeups: with
   * half of it the throughput is a seventh less.
   */
  readonly #creditStep: number;
  #open = true;
  #waiting = 0;
  #busy = false;
  #credit = 0;
  #crediting = false;

  constructor(child: Child, options: InputOptions) {
    this.#writer = child.stdin.getWriter();
    this.#writer.closed.catch(ignore);
    this.#options = options;
    const { window = 0 } = options;
    this.#backlog = new Backlog(window);
    this.#creditStep = window / 2;
  }

  /** Takes some bytes; with credits without waiting until the command does. */
  async write(data: Uint8Array): Promise<void> {
    if (!this.#open) return;
    const { window } = this.#options;
    if (window === undefined) return await this.#pass(data);
    this.#waiting += data.byteLength;
    if (this.#waiting > window) {
      throw new ProtocolError(
        `Cannot take ${this.#waiting} bytes of stdin at once: the window has ${window}`,
      );
    }
    if (this.#busy) this.#backlog.push(data);
    else this.#passOn(data);
  }

  /** Closes it behind what waits. */
  close(): void {
    this.#open = false;
    if (!this.#busy) this.#writer.close().catch(ignore);
  }

  /** Passes bytes on, and what has come meanwhile. */
  async #passOn(data: Uint8Array): Promise<void> {
    this.#busy = true;
    for (
      let piece: Uint8Array | undefined = data;
      piece !== undefined;
      piece = this.#backlog.take()
    ) {
      await this.#pass(piece);
      this.#waiting -= piece.byteLength;
      this.#credit += piece.byteLength;
      this.#giveCredit();
    }
    this.#busy = false;
    if (!this.#open) this.close();
  }

  async #pass(data: Uint8Array): Promise<void> {
    try {
      await this.#writer.write(data);
      this.#options.record.stdinBytes += data.byteLength;
    } catch {
      // A child that has closed its stdin, or exited, is no error.
    }
  }

  /** One frame at a time: a client that doesn't read must not pile them up. */
  async #giveCredit(): Promise<void> {
    if (this.#crediting || this.#credit < this.#creditStep) return;
    const bytes = this.#credit;
    this.#credit = 0;
    this.#crediting = true;
    try {
      await this.#options.client.write({ type: "window", bytes });
    } catch {
      // That the client is gone shows elsewhere.
      return;
    }
    this.#crediting = false;
    this.#giveCredit();
  }
}

function ignore(): void {}
