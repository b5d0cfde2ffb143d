/**
 * How much the agent gives its clients.
 *
 * @module
 */

import { MAX_FRAME_BYTES } from "../protocol/mod.ts";
import { SessionError } from "./session_error.ts";

/** What one agent, and each of its sessions, may take. */
export interface Limits {
  /** How many sessions there may be at once. */
  readonly sessions: number;
  /** How long a connection has to send its whole first frame, in milliseconds. */
  readonly firstFrameTimeout: number;
  /** The longest frame that has to be held whole, in bytes. */
  readonly frame: number;
  /** How much a command's arguments and variables may take, in bytes. */
  readonly args: number;
  /**
   * What a session may make the agent hold, in bytes, beside the frame that is being
   * read; see {@linkcode stdinWindow}.
   */
  readonly sessionMemory: number;
}

/** Bounds of what the limits can be set to. */
export const LIMIT_BOUNDS = {
  // Not even an ordinary exec frame comes near to the smallest one.
  frame: { min: 64 * 1024, max: MAX_FRAME_BYTES },
  args: { min: 4 * 1024, max: MAX_FRAME_BYTES },
  sessionMemory: { min: 1536 * 1024, max: 64 * 1024 * 1024 },
} as const;

/** The limits of an agent that wasn't told any. */
export const DEFAULT_LIMITS: Limits = {
  // Each idle one takes 0.1 MiB of the agent, half a dozen of the 65,536 descriptors
  // that the unit has, and a process of the guest's. Ten times as many would fit into
  // the descriptors, but not with what they may hold into a guest's memory.
  sessions: 1000,
  firstFrameTimeout: 10_000,
  frame: MAX_FRAME_BYTES,
  // What Linux takes where the stack may have 8 MiB, see execve(2).
  args: 2 * 1024 * 1024,
  sessionMemory: 2 * 1024 * 1024,
};

/**
 * What a session takes beside its window: for each of two outputs that the client
 * doesn't read 256 KiB and their base64. Measured with 150 such sessions.
 */
const BESIDE_WINDOW = 1024 * 1024;

/**
 * Returns how many bytes of stdin a client with credits may have under way. That,
 * and the longest frame, are all that a session's memory depends on: everything
 * else is passed on in pieces, with backpressure.
 *
 * @param sessionMemory What a session may take, in bytes, as in {@linkcode Limits}.
 * @returns The window: half of what is left of it, as input waits in memory that
 * may be twice as large.
 */
export function stdinWindow(sessionMemory: number): number {
  return Math.floor((sessionMemory - BESIDE_WINDOW) / 2);
}

/** How long a pointer is, in bytes. */
const POINTER_SIZE = 8;

const encoder = new TextEncoder();

/**
 * Checks that a command's arguments and variables aren't too large, counted as
 * execve(2) does: each as UTF-8 with its NUL, and a pointer to it.
 *
 * @param argv The arguments.
 * @param env The variables, all that the command will have.
 * @param max How much they may take, in bytes.
 * @throws {SessionError} If they take more.
 */
export function checkArgs(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  max: number,
): void {
  const variables = Object.entries(env);
  const pointers = POINTER_SIZE * (argv.length + variables.length);
  let most = pointers;
  // A unit of UTF-16 takes three bytes at most: they rarely have to be counted.
  for (const arg of argv) most += 3 * arg.length + 1;
  for (const [name, value] of variables) {
    most += 3 * (name.length + value.length) + 2;
  }
  if (most <= max) return;
  const texts = [...argv, ...variables.map((variable) => variable.join("="))];
  const size = pointers + encoder.encode(`${texts.join("\0")}\0`).length;
  if (size <= max) return;
  throw new SessionError(
    "not_executable",
    `its arguments and variables take ${size} bytes, more than ${max} (--max-args)`,
    "--max-args",
  );
}
