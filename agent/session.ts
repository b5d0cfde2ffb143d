/**
 * One connection, which is one session.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import {
  type ErrorFrame,
  type ExitFrame,
  type Frame,
  FrameDecoderStream,
  FrameEncoderStream,
  type KnownFrame,
  LineDecoderStream,
} from "../protocol/mod.ts";
import { type Audit, recordSession } from "./audit.ts";
import { exec } from "./exec.ts";
import type { Grants } from "./grants.ts";
import { agentInfo } from "./info.ts";
import { reseed } from "./reseed.ts";
import { SessionError, sessionError } from "./session_error.ts";

/** The client's end, as a session needs it. */
export interface SessionConnection {
  /** What the client sends. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What goes to the client. */
  readonly writable: WritableStream<Uint8Array>;
  /** Returns a signal that is aborted when the client is gone. */
  watchLoss(): AbortSignal;
  /** Closes the connection, which ends both streams. */
  close(): void;
}

/** What all sessions of an agent share. */
export interface SessionContext {
  /** What callers may run. */
  readonly grants: Grants;
  /** The environment that callers' variables are laid over. */
  readonly environment: Readonly<Record<string, string>>;
  /** The folder that holds `etc` and `var` for `reseed`, empty for the real one. */
  readonly root: string;
  /**
   * Aborted when the agent stops: children are asked to end. Its reason is what
   * a client is told that has not said yet what it wants.
   */
  readonly stopping: AbortSignal;
  /** Aborted when a stop has taken long enough: children are killed. */
  readonly killing: AbortSignal;
}

/**
 * How long a client that doesn't read may hold up the `error` frame that ends
 * its session, in milliseconds. An `exit` frame, with the output before it,
 * waits for as long as the client is there.
 */
const ERROR_GRACE = 2000;

/**
 * Serves one connection from its first frame to its terminal one, closes it,
 * and leaves an audit record. Whatever a client does ends that client's session
 * only.
 *
 * @param connection The connection.
 * @param peer Who is at the other end, for the audit record.
 * @param context What all sessions share.
 * @throws {OsError} If the connection cannot be watched.
 */
export async function serveSession(
  connection: SessionConnection,
  peer: string,
  context: SessionContext,
): Promise<void> {
  const audit: Audit = {
    peer,
    kind: "none",
    start: Date.now(),
    startMark: performance.now(),
    usage: { stdinBytes: 0, stdoutBytes: 0, stderrBytes: 0 },
  };
  const lost = connection.watchLoss();
  const frames = connection.readable
    .pipeThrough(new LineDecoderStream())
    .pipeThrough(new FrameDecoderStream())
    .getReader();
  const encoder = new FrameEncoderStream();
  const client = encoder.writable.getWriter();
  const sent = encoder.readable.pipeTo(connection.writable);
  // Its failures show as those of the writes.
  sent.catch(ignore);
  client.closed.catch(ignore);

  try {
    const outcome = await answer(frames, client, lost, context, audit)
      .catch((error) => {
        lost.throwIfAborted();
        return asErrorFrame(error);
      });
    if (outcome) {
      audit.outcome = outcome;
      client.write(outcome).catch(ignore);
      client.close().catch(ignore);
      const patience = outcome.type === "exit"
        ? lost
        : AbortSignal.any([lost, AbortSignal.timeout(ERROR_GRACE)]);
      await abortable(sent, patience);
    }
  } catch (error) {
    audit.lost = true;
    if (!lost.aborted) audit.failure = error;
  } finally {
    connection.close();
    frames.cancel().catch(ignore);
    recordSession(audit);
  }
}

/** Does what the first frame asks for, and returns the terminal frame. */
async function answer(
  frames: ReadableStreamDefaultReader<Frame>,
  client: WritableStreamDefaultWriter<KnownFrame>,
  lost: AbortSignal,
  context: SessionContext,
  audit: Audit,
): Promise<ExitFrame | undefined> {
  const read: ReadableStreamReadResult<Frame> = await abortable(
    frames.read(),
    context.stopping,
  );
  const first = read.value;
  if (first === undefined) return undefined;
  switch (first.type) {
    case "exec": {
      audit.kind = first.type;
      audit.argv = first.argv;
      const { usage } = audit;
      const status = await exec(first, {
        ...context,
        frames,
        client,
        lost,
        usage,
      });
      return {
        type: "exit",
        exitCode: status.code,
        ...(status.signal !== undefined && { signal: status.signal }),
      };
    }
    case "reseed":
      audit.kind = first.type;
      await reseed(first, context.root);
      return { type: "exit", exitCode: 0 };
    case "info":
      audit.kind = first.type;
      await client.write({ type: "info", info: agentInfo() });
      return { type: "exit", exitCode: 0 };
    default: {
      const name = first.type === "unknown" ? first.name : first.type;
      throw new SessionError(
        "protocol",
        `Cannot begin a session with a ${
          JSON.stringify(name)
        } frame: "exec", "reseed" or "info" must be the first`,
      );
    }
  }
}

function asErrorFrame(error: unknown): ErrorFrame {
  const { code, message } = sessionError(error);
  return { type: "error", code, message };
}

function ignore(): void {}
