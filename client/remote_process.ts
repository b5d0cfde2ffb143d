/**
 * A command that runs in a guest.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { readinessLoop } from "../ffi/readiness_loop.ts";
import { isSignalName } from "../ffi/signals.ts";
import {
  type ExitFrame,
  type KnownFrame,
  ProtocolError,
  type ResourceUsage,
  type StartedFrame,
  type TerminalSize,
} from "../protocol/mod.ts";
import { Credit } from "./credit.ts";
import { AgentError, ConnectionError, UnsupportedError } from "./errors.ts";
import { printableName, printableNames } from "./guest_words.ts";
import type { Session } from "./session.ts";
import type { Target } from "./target.ts";
import { checkTerminalSize } from "./terminal_size.ts";

/** How a remote command ended. */
export interface RemoteStatus {
  /** Whether the code is 0. */
  readonly success: boolean;
  /**
   * The exit code, 0 to 255: 128 + n for the signal n, and 255 where an old
   * agent only says that a signal ended the command.
   */
  readonly code: number;
  /**
   * The name of the signal that ended the command, such as `SIGTERM`. It is the
   * guest's word, made safe to print and cut to 64 characters.
   */
  readonly signal: string | null;
  /** Whether the command was ended because its time was up. */
  readonly timedOut: boolean;
  /** What the command took, where the agent has a cgroup for it. */
  readonly usage?: ResourceUsage;
}

/** What goes with the start of a {@linkcode RemoteProcess}. */
export interface Stdio {
  /** Whether the command gets input; without any its stdin is at its end. */
  readonly stdin: "piped" | "null";
  /** Whether the command's output is wanted; it is thrown away otherwise. */
  readonly stdout: "piped" | "null";
  /** Whether the command's error output is wanted. */
  readonly stderr: "piped" | "null";
}

/** How many bytes of stdin go into one frame: half of an agent's window. */
const STDIN_FRAME_BYTES = 256 * 1024;

/**
 * How much of each output may wait for its reader, so that credit for stdin still
 * comes in: a command may be fed whole before it is listened to. A chunk takes
 * some memory of its own, which counts too.
 */
const OUTPUT_ROOM: QueuingStrategy<Uint8Array> = {
  highWaterMark: 256 * 1024,
  size: (chunk) => chunk.byteLength + 512,
};

/**
 * A running command, in the shape of `Deno.ChildProcess`.
 *
 * The streams share one connection, and nothing is buffered without bound: while
 * one output is not read, the other and `status` wait behind it, and after 256 KiB
 * `stdin` does too. An output that isn't wanted is to be cancelled, or `"null"`.
 */
export class RemoteProcess implements AsyncDisposable {
  /** The command's process id in the guest. */
  readonly pid: number;
  /**
   * The extensions that the agent granted, by names that are safe to print: of at
   * most 64 characters, and no more than 64 of them.
   */
  readonly features: readonly string[];
  /**
   * The command's input. Closing it is the end of the command's stdin, and so is
   * aborting it.
   */
  readonly stdin: WritableStream<Uint8Array>;
  /** The command's output, and on a terminal all of it. */
  readonly stdout: ReadableStream<Uint8Array>;
  /** The command's error output. */
  readonly stderr: ReadableStream<Uint8Array>;
  /**
   * Resolves when the command has ended. Rejects with a `ConnectionError` if the
   * connection breaks before, with an `AgentError` if the agent gives up, and
   * with a `ProtocolError` if it breaks the protocol.
   */
  readonly status: Promise<RemoteStatus>;
  readonly #session: Session;
  readonly #target: Target;
  readonly #credit: Credit;
  readonly #killed = new AbortController();
  readonly #over = new AbortController();

  /**
   * Takes a session over.
   *
   * @param session The session.
   * @param started Its answer.
   * @param target Where the agent is, for messages.
   * @param stdio Which streams are wanted.
   */
  constructor(
    session: Session,
    started: StartedFrame,
    target: Target,
    stdio: Stdio,
  ) {
    this.#session = session;
    this.#target = target;
    this.pid = started.pid;
    this.features = printableNames(started.features ?? []);
    this.#credit = new Credit(
      this.features.includes("flow") ? started.window ?? 0 : Infinity,
    );
    this.stdin = stdio.stdin === "null" ? closedStream() : this.#openStdin();
    const stdout = new TransformStream<Uint8Array>({}, OUTPUT_ROOM);
    const stderr = new TransformStream<Uint8Array>({}, OUTPUT_ROOM);
    this.stdout = stdout.readable;
    this.stderr = stderr.readable;
    const outputs = {
      stdout: stdout.writable.getWriter(),
      stderr: stderr.writable.getWriter(),
    };
    for (const name of ["stdout", "stderr"] as const) {
      if (stdio[name] === "null") this[name].cancel().catch(ignore);
      outputs[name].closed.catch(ignore);
    }
    this.status = this.#receive(outputs);
    this.status.catch(ignore);
  }

  /**
   * Sends a signal to the command's process group, or on a terminal to the group
   * in its foreground. A command that has ended is left alone.
   *
   * `SIGKILL` closes the connection, upon which the agent kills the command with
   * its whole process group; any agent can do that. `status` then resolves without
   * waiting for the guest to confirm it.
   *
   * @param signal The signal's name.
   * @throws {TypeError} If there is no such signal.
   * @throws {UnsupportedError} If the agent cannot send signals.
   */
  kill(signal: Deno.Signal = "SIGTERM"): void {
    if (!isSignalName(signal)) {
      throw new TypeError(`Cannot send "${signal}": there is no such signal`);
    }
    if (this.#over.signal.aborted) return;
    if (signal === "SIGKILL") {
      this.#killed.abort();
      this.#session.abort();
    } else if (this.features.includes("signals")) {
      this.#session.agent.write({ type: "signal", signal }).catch(ignore);
    } else {
      throw new UnsupportedError(this.#target, "signals");
    }
  }

  /**
   * Tells the command's terminal another size. A command that has ended is left
   * alone.
   *
   * @param size The size.
   * @throws {TypeError} If the command has no terminal.
   * @throws {RangeError} If a number is none from 0 to 65535.
   */
  resize({ rows, cols }: TerminalSize): void {
    if (!this.features.includes("tty")) {
      throw new TypeError("Cannot resize: the command has no terminal");
    }
    checkTerminalSize({ rows, cols });
    if (this.#over.signal.aborted) return;
    this.#session.agent.write({ type: "resize", rows, cols }).catch(ignore);
  }

  /** Kills the command if it still runs, and waits for `status`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.status.catch(ignore);
  }

  #openStdin(): WritableStream<Uint8Array> {
    const credit = this.#credit;
    const over = this.#over.signal;
    const send = (frame: KnownFrame) => this.#session.agent.write(frame);
    // That nobody is there to be told shows in the status.
    const end = () =>
      over.aborted ? undefined : send({ type: "stdin_close" }).catch(ignore);
    let stop: AbortSignal;
    return new WritableStream({
      start(controller) {
        stop = AbortSignal.any([over, controller.signal]);
      },
      async write(chunk) {
        try {
          for (let at = 0; at < chunk.byteLength;) {
            const most = Math.min(STDIN_FRAME_BYTES, chunk.byteLength - at);
            const size = await credit.take(most, stop);
            const data = chunk.subarray(at, at + size);
            await send({ type: "stdin", data });
            at += size;
          }
        } catch (cause) {
          throw new Deno.errors.BrokenPipe(
            "Cannot write to stdin: the command has ended",
            { cause },
          );
        }
      },
      close: end,
      abort: end,
    });
  }

  async #receive(
    outputs: Record<
      "stdout" | "stderr",
      WritableStreamDefaultWriter<Uint8Array>
    >,
  ): Promise<RemoteStatus> {
    try {
      const status = await this.#dispatch(outputs);
      for (const output of Object.values(outputs)) {
        output.close().catch(ignore);
      }
      return status;
    } catch (error) {
      for (const output of Object.values(outputs)) {
        output.abort(error).catch(ignore);
      }
      throw error;
    } finally {
      this.#over.abort();
      this.#session.close();
    }
  }

  /** Hands the frames out until the terminal one. */
  async #dispatch(
    outputs: Record<
      "stdout" | "stderr",
      WritableStreamDefaultWriter<Uint8Array>
    >,
  ): Promise<RemoteStatus> {
    for (;;) {
      const turn = readinessLoop.countOperation();
      if (turn) await turn;
      // Closing it may have cut a frame in two, which is nobody's fault.
      const frame = await this.#session.read().catch((error) => {
        if (!this.#killed.signal.aborted) throw error;
      });
      if (this.#killed.signal.aborted) return KILLED;
      switch (frame?.type) {
        case undefined:
          throw new ConnectionError(
            "The connection to the agent broke before the command ended",
          );
        case "stdout":
        case "stderr": {
          // It would be nothing to whoever reads, and to the room.
          if (frame.data.length === 0) break;
          const output = outputs[frame.type];
          // A reader that has cancelled wants no more, which is no error.
          output.write(frame.data).catch(ignore);
          await abortable(output.ready, this.#killed.signal).catch(ignore);
          break;
        }
        case "window":
          this.#credit.add(frame.bytes);
          break;
        case "exit":
          return exitStatus(frame);
        case "error":
          throw new AgentError(frame.message, frame.code);
      }
    }
  }
}

const KILLED: RemoteStatus = {
  success: false,
  code: 137,
  signal: "SIGKILL",
  timedOut: false,
};

function exitStatus(
  { exitCode, signal, timedOut = false, usage }: ExitFrame,
): RemoteStatus {
  if (exitCode < -1 || exitCode > 255) {
    throw new ProtocolError(
      `The agent sent exit code ${exitCode}: it must be -1 to 255`,
    );
  }
  return {
    success: exitCode === 0,
    code: exitCode === -1 ? 255 : exitCode,
    signal: signal === undefined ? null : printableName(signal),
    timedOut,
    ...(usage && { usage }),
  };
}

/** Returns a stream that takes nothing. */
function closedStream(): WritableStream<Uint8Array> {
  const stream = new WritableStream<Uint8Array>();
  stream.close();
  return stream;
}

function ignore(): void {}
