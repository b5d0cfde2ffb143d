/**
 * Answering a client that there is no session for.
 *
 * @module
 */

import { indexOfByte } from "../ffi/index_of_byte.ts";
import {
  type AgentInfo,
  encodeFrame,
  type ErrorFrame,
  type KnownFrame,
  MAX_FRAME_BYTES,
  parseFrame,
} from "../protocol/mod.ts";
import type { SessionConnection } from "./session.ts";

/** How long a client may take to say what it wants, in milliseconds. */
const PATIENCE = 1000;

/** How long all of it may take, in milliseconds. */
const GRACE = 2000;

/** How much of a first frame is looked at, in bytes: `info` is far shorter. */
const MAX_LINE_BYTES = 4096;

const LF = 10;

/** What a client may be answered. */
export interface Answers {
  /** The answer to all but `info`. */
  readonly busy: ErrorFrame;
  /** Returns the answer to `info`. */
  readonly info: () => AgentInfo;
}

/**
 * Waits a moment for a client's first frame, answers it, and closes the connection.
 * A client that says nothing is answered all the same, and then has a moment to send
 * its frame: one that cannot send it might never read why, and what is closed with
 * something unread is reset. Nothing that a client sends is held beyond 4 KiB.
 *
 * @param connection The connection. It may be closed meanwhile.
 * @param answers The answers.
 * @returns Whether the client asked for `info`, and was answered.
 */
export async function turnAway(
  connection: SessionConnection,
  { busy, info }: Answers,
): Promise<boolean> {
  const writer = connection.writable.getWriter();
  let answered = false;
  async function answer(...frames: readonly KnownFrame[]): Promise<void> {
    if (answered) return;
    answered = true;
    for (const frame of frames) await writer.write(encodeFrame(frame));
  }
  const late = setTimeout(() => answer(busy).catch(ignore), PATIENCE);
  const end = setTimeout(() => connection.close(), GRACE);
  let informed = false;
  try {
    const line = await readLine(connection.readable);
    // Whoever ends without a word is gone.
    if (line.length === 0) return false;
    if (!answered && isInfo(line)) {
      const answers = [
        { type: "info", info: info() },
        { type: "exit", exitCode: 0 },
      ] as const;
      informed = true;
      await answer(...answers);
    } else await answer(busy);
  } catch {
    // The client is gone.
  } finally {
    clearTimeout(late);
    clearTimeout(end);
    connection.close();
  }
  return informed;
}

/** Reads a line, or the end, and returns the beginning of it. */
async function readLine(
  readable: ReadableStream<Uint8Array>,
): Promise<Uint8Array> {
  const line = new Uint8Array(MAX_LINE_BYTES);
  let length = 0;
  let total = 0;
  for await (const chunk of readable) {
    const end = indexOfByte(chunk, LF);
    const part = chunk.subarray(
      0,
      Math.min(end < 0 ? chunk.length : end, line.length - length),
    );
    line.set(part, length);
    length += part.length;
    total += chunk.length;
    if (end >= 0 || total > MAX_FRAME_BYTES) break;
  }
  return line.subarray(0, length);
}

function isInfo(line: Uint8Array): boolean {
  try {
    return parseFrame(line).type === "info";
  } catch {
    return false;
  }
}

function ignore(): void {}
