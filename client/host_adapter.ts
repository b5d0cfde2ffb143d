/**
 * The client's end towards a program that runs it for somebody else, such as a
 * provider of virtual-kubelet.
 *
 * @module
 */

import { readableFromFd } from "../ffi/fd_streams.ts";
import { InheritedFd } from "../ffi/inherited_fd.ts";
import { STDERR, STDIN, STDOUT } from "../ffi/standard_streams.ts";
import { EXIT_BROKEN_PIPE } from "../cli/print.ts";
import { ProtocolError } from "../protocol/mod.ts";
import { type ControlMessage, controlMessages } from "./control_channel.ts";
import { InputError, LeftError } from "./failure.ts";
import type { RemoteProcess } from "./remote_process.ts";
import type { StatusChannel } from "./status_channel.ts";

const OUTPUTS = { stdout: STDOUT, stderr: STDERR } as const;

const CONTROL_ENDED = new LeftError(
  "Left because the control channel was closed",
);

/** What a {@linkcode HostAdapter} works with. */
export interface HostAdapterOptions {
  /** The descriptor of the control channel. */
  controlFd?: number;
  /** The status channel. */
  status?: StatusChannel;
  /** Called with the reason when the client is to end before the command. */
  leave: (reason: unknown) => void;
}

/**
 * Does what the control channel says, and ends the client when nobody is at the
 * other end of one of its streams, also while the command is silent.
 */
export class HostAdapter {
  /**
   * The client's input. It ends where the control channel says so, with what was
   * written before.
   */
  readonly stdin: ReadableStream<Uint8Array>;
  readonly #control: InheritedFd | undefined;
  readonly #leave: (reason: unknown) => void;
  readonly #stdinClosed = new AbortController();

  /**
   * @param options What it works with.
   */
  constructor({ controlFd, status, leave }: HostAdapterOptions) {
    this.#leave = leave;
    this.stdin = readableFromFd(STDIN, {
      drain: this.#stdinClosed.signal,
      preventClose: true,
    });
    for (const [name, fd] of Object.entries(OUTPUTS)) {
      this.#leaveAfter(
        fd.watchLoss(),
        () =>
          new LeftError(
            `Left because nobody reads ${name} any more`,
            EXIT_BROKEN_PIPE,
          ),
      );
    }
    if (status) {
      this.#leaveAfter(
        status.lost,
        () =>
          new LeftError(
            "Left because nobody reads the status channel any more",
          ),
      );
    }
    if (controlFd !== undefined) {
      const control = new InheritedFd(controlFd, "the control channel");
      this.#control = control;
      // A reset is no end, and tells of itself.
      this.#leaveAfter(
        control.watchLoss(),
        () => control.takeError() ?? CONTROL_ENDED,
      );
    }
  }

  /**
   * Does with a command what the control channel says, until that ends.
   *
   * @param process The command.
   */
  async follow(process: RemoteProcess): Promise<void> {
    if (this.#control === undefined) return;
    try {
      for await (const message of controlMessages(this.#control)) {
        this.#follow(message, process);
      }
      this.#leave(CONTROL_ENDED);
    } catch (error) {
      this.#leave(error instanceof ProtocolError ? malformed(error) : error);
    }
  }

  #follow(message: ControlMessage, process: RemoteProcess): void {
    switch (message.type) {
      case "resize":
        // Whoever sizes all commands needn't know which have a terminal.
        if (process.features.includes("tty")) process.resize(message.size);
        return;
      case "signal":
        return process.kill(message.signal);
      case "stdin_close":
        return this.#stdinClosed.abort();
    }
  }

  #leaveAfter(signal: AbortSignal, reason: () => Error): void {
    const leave = () => this.#leave(reason());
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave);
  }
}

function malformed(cause: Error): InputError {
  return new InputError(
    `Cannot follow the control channel: ${cause.message}`,
    { cause },
  );
}
