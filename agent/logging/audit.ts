/**
 * The audit record that every session leaves.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type {
  ErrorFrame,
  ExitFrame,
  ResourceUsage,
} from "../../protocol/mod.ts";
import { printableJson } from "../../protocol/printable_text.ts";
import { redactArgv } from "./redact.ts";

/** What is known of a command, counted while it runs. */
export interface CommandRecord {
  /** The child's process id, once there is one. */
  pid?: number;
  /** The rule of the policy that allowed it, if there is a policy. */
  rule?: string;
  /** Bytes that went to the child's stdin. */
  stdinBytes: number;
  /** Bytes of the child's stdout that went to the client. */
  stdoutBytes: number;
  /** Bytes of the child's stderr that went to the client. */
  stderrBytes: number;
  /** What all that ran in its control group took, where it has one. */
  usage?: ResourceUsage | undefined;
}

/** What is known of a session by its end. */
export interface Audit {
  /** Who was at the other end. */
  readonly peer: string;
  /** What the session was for; `none` if it never said. */
  kind: "none" | "exec" | "reseed" | "info";
  /** Whether a client asked for itself, and nobody through it. */
  probe?: boolean;
  /** When it began, in milliseconds since the epoch. */
  readonly start: number;
  /** The same on a clock that nobody sets, as `performance.now()` has it. */
  readonly startMark: number;
  /** What the command did, if there was one. */
  readonly command: CommandRecord;
  /** The command and its arguments. */
  argv?: readonly string[];
  /** Whether it ran on a terminal. */
  tty?: boolean;
  /** Whom it ran as, if the caller said. */
  user?: string;
  /** Where it ran, if the caller said. */
  cwd?: string;
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
 * Logs a session's audit record: what somebody asked for, and for debugging also
 * what a client asked for itself. Variables are left out: they hold secrets. What is
 * very long is cut.
 *
 * @param audit What is known of the session.
 * @param redact What to leave out of arguments, as patterns of them.
 */
export function recordSession(
  audit: Audit,
  redact: readonly string[],
): void {
  // A connection that came and went, as a probe's does, was no session.
  if (audit.kind === "none" && audit.outcome === undefined) {
    logger.debug("Connection of {peer} ended without a frame", {
      peer: audit.peer,
    });
    return;
  }
  logger[audit.probe ? "debug" : "info"](
    "Session of {peer} ended: {task}, {result}",
    {
      peer: audit.peer,
      kind: audit.kind,
      task: cutText([audit.kind, ...(audit.argv ?? []).slice(0, 1)].join(" ")),
      argv: audit.argv && cutArgv(redactArgv(audit.argv, redact)),
      tty: audit.tty,
      user: audit.user && cutText(audit.user),
      cwd: audit.cwd && cutText(audit.cwd),
      rule: audit.command.rule && cutText(audit.command.rule),
      pid: audit.command.pid,
      start: new Date(audit.start).toISOString(),
      durationMs: Math.round(performance.now() - audit.startMark),
      stdinBytes: audit.command.stdinBytes,
      stdoutBytes: audit.command.stdoutBytes,
      stderrBytes: audit.command.stderrBytes,
      ...audit.command.usage,
      result: cutText(describe(audit)),
      ...outcomeFields(audit),
    },
  );
}

function outcomeFields({ outcome, lost }: Audit): Record<string, unknown> {
  if (lost || outcome === undefined) return { lost: true };
  return outcome.type === "exit"
    ? {
      exitCode: outcome.exitCode,
      signal: outcome.signal,
      timedOut: outcome.timedOut,
    }
    : { errorCode: outcome.code, error: cutText(outcome.message) };
}

function describe({ outcome, lost, failure }: Audit): string {
  if (lost || outcome === undefined) {
    return failure instanceof Error
      ? `client lost (${failure.message})`
      : "client lost";
  }
  if (outcome.type === "error") return `${outcome.code}: ${outcome.message}`;
  const end = outcome.signal ?? `exit ${outcome.exitCode}`;
  return outcome.timedOut ? `${end}, its time was up` : end;
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

/**
 * Cuts a text that a caller may have worded to what a record has room for.
 *
 * @param text The text.
 * @param bytes How much of it is kept, in bytes of JSON; 3 KiB by default.
 * @returns The text, or its beginning and `…`.
 */
export function cutText(text: string, bytes: number = MAX_BYTES.text): string {
  // No character takes less than a byte.
  let end = Math.min(text.length, bytes);
  while (end > 0 && jsonBytes(text.slice(0, end)) > bytes) {
    end = Math.floor(end * 3 / 4);
  }
  return end === text.length ? text : text.slice(0, end) + CUT;
}

function jsonBytes(text: string): number {
  return encoder.encode(printableJson(text)).length;
}
