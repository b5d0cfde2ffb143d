/**
 * A client's end of one session.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import type { Connection } from "../ffi/connection.ts";
import {
  type Frame,
  FrameDecoderStream,
  FrameWritableStream,
  type KnownFrame,
  parseFrame,
  ProtocolError,
  RecordDecoderStream,
  requestedFeatures,
} from "../protocol/mod.ts";
import { indexOfByte } from "../ffi/index_of_byte.ts";
import { OsError } from "../ffi/errno.ts";
import { dial } from "./dial.ts";
import {
  AgentError,
  ConnectionError,
  notAnAgent,
  unreachable,
} from "./errors.ts";
import { printableJson } from "../protocol/printable_text.ts";
import type { Target } from "./target.ts";

/** How long to wait for an agent by default, in milliseconds. */
export const DEFAULT_CONNECT_TIMEOUT = 5000;

/** How long to wait for a terminal frame that says nothing new, in milliseconds. */
const FINISH_TIMEOUT = 1000;

/** What is wrong with an answer that has no end. */
const NO_LINE = "what it sent is no line of text";

/** Options that every call of an agent takes. */
export interface CallOptions {
  /**
   * How long connecting may take, up to the agent's first answer, in
   * milliseconds.
   *
   * @default {5000}
   */
  connectTimeout?: number;
  /** Ends the call when it is aborted. */
  signal?: AbortSignal;
}

/** A session that the agent has answered. */
export class Session implements Disposable {
  /** The agent's first answer. */
  readonly answer: Frame;
  /** Where frames for the agent go. */
  readonly agent: WritableStreamDefaultWriter<KnownFrame>;
  readonly #connection: Connection;
  readonly #frames: ReadableStreamDefaultReader<Frame>;

  /**
   * @param connection The connection, which the session closes.
   * @param answer The agent's first answer.
   * @param frames The frames that follow it.
   * @param agent Where frames for the agent go.
   */
  constructor(
    connection: Connection,
    answer: Frame,
    frames: ReadableStreamDefaultReader<Frame>,
    agent: WritableStreamDefaultWriter<KnownFrame>,
  ) {
    this.#connection = connection;
    this.answer = answer;
    this.#frames = frames;
    this.agent = agent;
  }

  /**
   * Reads the next frame.
   *
   * @returns The frame, or `undefined` at the end of the connection.
   * @throws {ConnectionError} If the connection breaks.
   * @throws {ProtocolError} If the agent breaks the protocol.
   */
  async read(): Promise<Frame | undefined> {
    try {
      return (await this.#frames.read()).value;
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      throw new ConnectionError(
        `The connection to the agent broke before the command ended: ${error.message}`,
        { cause: error },
      );
    }
  }

  /**
   * Waits for the terminal frame, so that the agent doesn't take this client for
   * lost; but not for long, as nothing depends on it.
   */
  async finish(): Promise<void> {
    const patience = AbortSignal.timeout(FINISH_TIMEOUT);
    await abortable(this.read(), patience).catch(ignore);
  }

  /** Closes the connection after the terminal frame. */
  close(): void {
    this.#connection.close();
  }

  /** Closes the connection before it, which ends what the agent does for it. */
  abort(): void {
    this.#connection.abort();
  }

  /**
   * Ends the session because the answer makes no sense.
   *
   * @param expected The frame's type that should have come.
   * @returns The error to throw.
   */
  reject(expected: Frame["type"]): ProtocolError {
    this.abort();
    return new ProtocolError(
      `The agent answered "${this.answer.type}" instead of "${expected}"`,
    );
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Begins a session, and waits for the agent's first answer.
 *
 * @param target Where the agent is.
 * @param request The first frames: what the session is for, and what goes with
 * it.
 * @param options The options.
 * @returns The session.
 * @throws {ConnectionError} If the agent cannot be reached, or doesn't answer.
 * @throws {AgentError} If the agent answers with an error.
 * @throws {ProtocolError} If the agent breaks the protocol.
 * @throws If the signal is aborted, its reason.
 */
export async function openSession(
  target: Target,
  request: readonly KnownFrame[],
  options: CallOptions,
): Promise<Session> {
  const { connectTimeout = DEFAULT_CONNECT_TIMEOUT, signal } = options;
  const timeout = AbortSignal.timeout(connectTimeout);
  const limit = signal ? AbortSignal.any([signal, timeout]) : timeout;
  try {
    const connection = await dial(target, limit);
    return await requestOn(connection, target, request, limit);
  } catch (error) {
    signal?.throwIfAborted();
    if (!timeout.aborted || error instanceof ProtocolError) throw error;
    throw unreachable(
      target,
      new Error(`no answer within ${connectTimeout} ms`),
    );
  }
}

/**
 * Begins a session on a connection, and waits for the agent's first answer. The
 * connection is closed if none comes.
 *
 * @param connection The connection.
 * @param target Where the agent is, for messages.
 * @param request The first frames.
 * @param signal Gives up when it is aborted.
 * @returns The session.
 * @throws As {@linkcode openSession} does, or the signal's reason.
 */
export async function requestOn(
  connection: Connection,
  target: Target,
  request: readonly KnownFrame[],
  signal: AbortSignal,
): Promise<Session> {
  try {
    const records = new RecordDecoderStream({
      dropPartial: true,
      indexOf: indexOfByte,
      // Such data may come with the answer, so that it can't wait for that.
      ...(asksForRaw(request) && { rawAfter: grantsRaw }),
    });
    const frames = connection.readable
      .pipeThrough(records)
      .pipeThrough(new FrameDecoderStream())
      .getReader();
    const sink = new FrameWritableStream(connection.writable);
    const agent = sink.getWriter();
    // Its failures show as those of the writes.
    agent.closed.catch(ignore);
    const { promise: unsendable, reject } = Promise.withResolvers<never>();
    unsendable.catch(ignore);
    for (const frame of request) {
      agent.write(frame).catch((error) => {
        // Too long: an agent that is gone shows when it is read from.
        if (error instanceof RangeError) reject(error);
      });
    }

    let answer: Frame | undefined;
    try {
      const read: ReadableStreamReadResult<Frame> = await abortable(
        Promise.race([frames.read(), unsendable]),
        signal,
      );
      answer = read.value;
    } catch (error) {
      if (error instanceof ProtocolError) {
        throw notAnAgent(target, error.message, error);
      }
      if (records.hasPartial) throw notAnAgent(target, NO_LINE, error);
      throw error;
    }
    if (answer === undefined) {
      throw records.hasPartial
        ? notAnAgent(target, NO_LINE)
        : unreachable(target, new Error(closedWithoutAnswer(target)));
    }
    if (isRequest(answer)) {
      throw notAnAgent(
        target,
        `it sent "${answer.type}", which is for clients to send, as an echo would`,
      );
    }
    if (answer.type === "unknown") {
      throw notAnAgent(
        target,
        `it sent a frame of the unknown type ${printableJson(answer.name)}`,
      );
    }
    if (answer.type === "error") {
      throw new AgentError(answer.message, answer.code);
    }
    sink.raw = records.raw;
    return new Session(connection, answer, frames, agent);
  } catch (error) {
    connection.abort();
    // Such as a timeout of the kernel's.
    if (error instanceof OsError) throw unreachable(target, error);
    throw error;
  }
}

/** Returns whether a frame is one that only clients send. */
function isRequest(frame: Frame): boolean {
  switch (frame.type) {
    case "exec":
    case "reseed":
    case "stdin":
    case "stdin_close":
    case "resize":
    case "signal":
      return true;
    case "info":
      return frame.info === undefined;
    default:
      return false;
  }
}

function closedWithoutAnswer(target: Target): string {
  const other = "unix" in target
    ? ", or this is a hypervisor's socket, which --uds is for"
    : "";
  return `the connection was closed without an answer; no agent listens there, or it doesn't let this user or machine in${other}`;
}

function asksForRaw([first]: readonly KnownFrame[]): boolean {
  return first?.type === "exec" && requestedFeatures(first).includes("raw");
}

function grantsRaw(line: Uint8Array): boolean {
  const answer = parseFrame(line);
  return answer.type === "started" && !!answer.features?.includes("raw");
}

function ignore(): void {}
