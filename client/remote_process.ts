/**
 * A command that runs in a guest.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { readinessLoop } from "../ffi/readiness_loop.ts";
import { type ExitFrame, ProtocolError } from "../protocol/mod.ts";
import { AgentError, ConnectionError } from "./errors.ts";
import type { Session } from "./session.ts";

/** How a remote command ended. */
export interface RemoteStatus {
  /** Whether the code is 0. */
  readonly success: boolean;
  /**
   * The exit code, 0 to 255: 128 + n for the signal n, and 255 where an old
   * agent only says that a signal ended the command.
   */
  readonly code: number;
  /** The name of the signal that ended the command, such as `SIGTERM`. */
  readonly signal: string | null;
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

/** How many bytes of stdin go into one frame. */
const STDIN_FRAME_BYTES = 64 * 1024;

/**
 * A running command, in the shape of `Deno.ChildProcess`.
 *
 * The streams share one connection, and nothing is buffered without bound: if
 * `stdout` is not read, `stderr` and `status` wait behind it.
 */
export class RemoteProcess implements AsyncDisposable {
  /** The command's process id in the guest. */
  readonly pid: number;
  /** The command's input; closing it is the end of the command's stdin. */
  readonly stdin: WritableStream<Uint8Array>;
  /** The command's output. */
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
  readonly #killed = new AbortController();
  #ended = false;

  /**
   * Takes a session over.
   *
   * @param session The session, answered by `started`.
   * @param pid The command's process id.
   * @param stdio Which streams are wanted.
   */
  constructor(session: Session, pid: number, stdio: Stdio) {
    this.#session = session;
    this.pid = pid;
    this.stdin = this.#openStdin();
    const stdout = new TransformStream<Uint8Array, Uint8Array>();
    const stderr = new TransformStream<Uint8Array, Uint8Array>();
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
   * Ends the command by closing the connection, upon which the agent kills its
   * whole process group. `status` resolves with SIGKILL, without waiting for the
   * guest to confirm it. A command that has ended is left alone.
   */
  kill(): void {
    if (this.#ended) return;
    this.#killed.abort();
    // The agent kills what a lost client has left.
    this.#session.close();
  }

  /** Kills the command if it still runs, and waits for `status`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.status.catch(ignore);
  }

  #openStdin(): WritableStream<Uint8Array> {
    const { agent } = this.#session;
    const send = async (frame: Parameters<typeof agent.write>[0]) => {
      try {
        await agent.write(frame);
      } catch (cause) {
        throw new Deno.errors.BrokenPipe(
          "Cannot write to stdin: the command has ended",
          { cause },
        );
      }
    };
    const end = () => this.#ended ? undefined : send({ type: "stdin_close" });
    return new WritableStream({
      async write(chunk) {
        for (let at = 0; at < chunk.byteLength; at += STDIN_FRAME_BYTES) {
          const data = chunk.subarray(at, at + STDIN_FRAME_BYTES);
          await send({ type: "stdin", data });
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
      this.#ended = true;
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
          // A reader that has cancelled wants no more, which is no error.
          const write = outputs[frame.type].write(frame.data).catch(ignore);
          await abortable(write, this.#killed.signal).catch(ignore);
          break;
        }
        case "exit":
          return exitStatus(frame);
        case "error":
          throw new AgentError(frame.message, frame.code);
      }
    }
  }
}

const KILLED: RemoteStatus = { success: false, code: 137, signal: "SIGKILL" };

function exitStatus({ exitCode, signal }: ExitFrame): RemoteStatus {
  if (exitCode < -1 || exitCode > 255) {
    throw new ProtocolError(
      `The agent sent exit code ${exitCode}: it must be -1 to 255`,
    );
  }
  return {
    success: exitCode === 0,
    code: exitCode === -1 ? 255 : exitCode,
    signal: signal ?? null,
  };
}

function ignore(): void {}
