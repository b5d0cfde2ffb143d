/**
 * The audit record that every session leaves.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { ErrorFrame, ExitFrame } from "../protocol/mod.ts";
import type { ExecUsage } from "./exec.ts";

/** What is known of a session by its end. */
export interface Audit {
  /** Who was at the other end. */
  readonly peer: string;
  /** What the session was for; `none` if it never said. */
  kind: "none" | "exec" | "reseed" | "info";
  /** When it began, in milliseconds since the epoch. */
  readonly start: number;
  /** The same on a clock that nobody sets, as `performance.now()` has it. */
  readonly startMark: number;
  /** What the command did. */
  readonly usage: ExecUsage;
  /** The command and its arguments. */
  argv?: readonly string[];
  /** The terminal frame. */
  outcome?: ExitFrame | ErrorFrame;
  /** Whether the client went away before it had the terminal frame. */
  lost?: boolean;
  /** Why the client could not be reached, where the kernel said. */
  failure?: unknown;
}

/**
 * How much of a caller's words goes into a record, in bytes of JSON: of the whole
 * command, and of each text that may name it. journald splits a line of more than
 * 48 KiB, and what begins with the second half would be a record of the caller's
 * own, with the priority that it asks for.
 */
const MAX_BYTES = { argv: 24 * 1024, text: 3 * 1024 } as const;
/** What stands where something was cut off. */
const CUT = "…";

const logger = getLogger(["cocoon-agent", "audit"]);
const encoder = new TextEncoder();

/**
 * Logs a session's audit record. Variables are left out: they hold secrets. What
 * is very long is cut.
 *
 * @param audit What is known of the session.
 */
export function recordSession(audit: Audit): void {
  // A connection that came and went, as a probe's does, was no session.
  if (audit.kind === "none" && audit.outcome === undefined) {
    logger.debug("Connection of {peer} ended without a frame", {
      peer: audit.peer,
    });
    return;
  }
  logger.info("Session of {peer} ended: {task}, {result}", {
    peer: audit.peer,
    kind: audit.kind,
    task: cutText([audit.kind, ...(audit.argv ?? []).slice(0, 1)].join(" ")),
    argv: audit.argv && cutArgv(audit.argv),
    pid: audit.usage.pid,
    start: new Date(audit.start).toISOString(),
    durationMs: Math.round(performance.now() - audit.startMark),
    stdinBytes: audit.usage.stdinBytes,
    stdoutBytes: audit.usage.stdoutBytes,
    stderrBytes: audit.usage.stderrBytes,
    result: cutText(describe(audit)),
    ...outcomeFields(audit),
  });
}

function outcomeFields({ outcome, lost }: Audit): Record<string, unknown> {
  if (lost || outcome === undefined) return { lost: true };
  return outcome.type === "exit"
    ? { exitCode: outcome.exitCode, signal: outcome.signal }
    : { errorCode: outcome.code, error: cutText(outcome.message) };
}

function describe({ outcome, lost, failure }: Audit): string {
  if (lost || outcome === undefined) {
    return failure instanceof Error
      ? `client lost (${failure.message})`
      : "client lost";
  }
  if (outcome.type === "error") return `${outcome.code}: ${outcome.message}`;
  return outcome.signal ?? `exit ${outcome.exitCode}`;
}

function cutArgv(argv: readonly string[]): string[] {
  const kept: string[] = [];
  let room: number = MAX_BYTES.argv;
  for (const arg of argv) {
    if (room <= 0) return [...kept, CUT];
    const text = cutText(arg, room);
    kept.push(text);
    if (text !== arg) return kept;
    // With the comma.
    room -= jsonBytes(text) + 1;
  }
  return kept;
}

function cutText(text: string, bytes: number = MAX_BYTES.text): string {
  // No character takes less than a byte.
  let end = Math.min(text.length, bytes);
  while (end > 0 && jsonBytes(text.slice(0, end)) > bytes) {
    end = Math.floor(end * 3 / 4);
  }
  return end === text.length ? text : text.slice(0, end) + CUT;
}

function jsonBytes(text: string): number {
  return encoder.encode(JSON.stringify(text)).length;
}
