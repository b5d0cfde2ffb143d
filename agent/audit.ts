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

const logger = getLogger(["cocoon-agent", "audit"]);

/**
 * Logs a session's audit record. Variables are left out: they hold secrets.
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
    task: [audit.kind, ...(audit.argv ?? []).slice(0, 1)].join(" "),
    argv: audit.argv,
    pid: audit.usage.pid,
    start: new Date(audit.start).toISOString(),
    durationMs: Date.now() - audit.start,
    stdinBytes: audit.usage.stdinBytes,
    stdoutBytes: audit.usage.stdoutBytes,
    stderrBytes: audit.usage.stderrBytes,
    result: describe(audit),
    ...outcomeFields(audit),
  });
}

function outcomeFields({ outcome, lost }: Audit): Record<string, unknown> {
  if (lost || outcome === undefined) return { lost: true };
  return outcome.type === "exit"
    ? { exitCode: outcome.exitCode, signal: outcome.signal }
    : { errorCode: outcome.code, error: outcome.message };
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
