/**
 * One connection, which is one session.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import type { Peer } from "../ffi/connection.ts";
import { indexOfByte } from "../ffi/index_of_byte.ts";
import {
  type ErrorFrame,
  type ExitFrame,
  type Frame,
  FrameDecoderStream,
  FrameWritableStream,
  RecordDecoderStream,
} from "../protocol/mod.ts";
import { type Channel, exec } from "./exec/exec.ts";
import { agentInfo } from "./info.ts";
import { type Audit, beginAudit } from "./logging/audit.ts";
import { cutText } from "./logging/cut_text.ts";
import { formatPeer } from "./peer.ts";
import { reseed } from "./reseed.ts";
import type { SessionContext } from "./session_context.ts";
import { SessionError, sessionError } from "./session_error.ts";
import { SessionPace } from "./session_pace.ts";

/** The client's end, as a session needs it. */
export interface SessionConnection {
  /** What the client sends. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What goes to the client. A write is done when its memory is free again. */
  readonly writable: WritableStream<Uint8Array>;
  /** Returns a signal that is aborted when the client is gone. */
  watchLoss(): AbortSignal;
  /** Closes the connection, which ends both streams. */
  close(): void;
}

/**
 * How long a client that doesn't read may hold up the `error` frame that ends
 * its session, in milliseconds. An `exit` frame, with the output before it,
 * waits for as long as the client is there.
 */
const ERROR_GRACE = 2000;

/**
 * Serves one connection from its first frame to its terminal one, closes it,
 * and leaves audit records. Whatever a client does ends that client's session
 * only.
 *
 * @param connection The connection.
 * @param peer Who is at the other end.
 * @param context What all sessions share.
 * @throws {OsError} If the connection cannot be watched.
 */
export async function serveSession(
  connection: SessionConnection,
  peer: Peer,
  context: SessionContext,
): Promise<void> {
  const audit = beginAudit(formatPeer(peer));
  const lost = connection.watchLoss();
  const pace = new SessionPace(lost);
  const records = new RecordDecoderStream({
    maxFrameBytes: context.limits.frame,
    indexOf: indexOfByte,
    pace: () => pace.lines(),
  });
  const frames = connection.readable
    .pipeThrough(records)
    .pipeThrough(new FrameDecoderStream({ pace: (bytes) => pace.json(bytes) }))
    .getReader();
  const sink = new FrameWritableStream(connection.writable);
  const client = sink.getWriter();
  // Its failures show as those of the writes.
  client.closed.catch(ignore);
  const useRaw = () => records.raw = sink.raw = true;

  try {
    const outcome = await answer(
      { frames, client, lost, pace, useRaw },
      { ...context, peer },
      audit,
    )
      .catch((error) => {
        lost.throwIfAborted();
        const failure = sessionError(error);
        if (failure.limit !== undefined) {
          context.refusals.record(
            "Session of {peer} reached {limit}: {error}",
            {
              peer: audit.peer,
              limit: failure.limit,
              error: cutText(failure.message),
            },
          );
        }
        return asErrorFrame(failure);
      });
    if (outcome) {
      audit.outcome = outcome;
      client.write(outcome).catch(ignore);
      const sent = client.close();
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
    pace.end();
    frames.cancel().catch(ignore);
    // Finding what to redact takes long where there are many arguments.
    for (let turn; (turn = pace.step());) await turn;
    context.audit.ended(audit);
  }
}

/** Does what the first frame asks for, and returns the terminal frame. */
async function answer(
  channel: Channel,
  context: SessionContext & { readonly peer: Peer },
  audit: Audit,
): Promise<ExitFrame | undefined> {
  const { client } = channel;
  const first = await readFirst(channel, context);
  if (first === undefined) return undefined;
  switch (first.type) {
    case "exec": {
      audit.kind = first.type;
      audit.argv = first.argv;
      audit.tty = first.tty !== undefined;
      if (first.user !== undefined) audit.user = first.user;
      if (first.cwd !== undefined) audit.cwd = first.cwd;
      const record = audit.command;
      const recordStart = () => context.audit.started(audit);
      return await exec(first, { ...context, ...channel, record, recordStart });
    }
    case "reseed":
      audit.kind = first.type;
      if (context.policy?.current.reseed === false) {
        throw new SessionError(
          "denied",
          "Cannot reseed: the policy doesn't allow it; set \"reseed\" to true in the agent's policy file",
        );
      }
      await context.audit.started(audit);
      await reseed(first, context.root);
      return { type: "exit", exitCode: 0 };
    case "info":
      audit.kind = first.type;
      audit.probe = first.probe ?? false;
      await client.write({
        type: "info",
        info: agentInfo(context),
      });
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

/** Reads the first frame, which must not keep anybody waiting. */
async function readFirst(
  { frames, pace }: Channel,
  { limits, stopping }: SessionContext,
): Promise<Frame | undefined> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const seconds = limits.firstFrameTimeout / 1000;
    reject(
      pace.waiting
        ? new SessionError(
          "busy",
          `The agent had no time for a frame of this size within ${seconds} s of connecting (--first-frame-timeout): others sent such frames too; try again later`,
          "--first-frame-timeout",
        )
        : new SessionError(
          "timeout",
          `No whole frame came within ${seconds} s of connecting (--first-frame-timeout)`,
          "--first-frame-timeout",
        ),
    );
  }, limits.firstFrameTimeout);
  try {
    const read = Promise.race([frames.read(), late]);
    return (await abortable(read, stopping)).value;
  } finally {
    clearTimeout(timer);
  }
}

function asErrorFrame({ code, message }: SessionError): ErrorFrame {
  return { type: "error", code, message };
}

function ignore(): void {}
