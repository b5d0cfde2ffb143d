/**
 * The audit records that sessions leave.
 *
 * @module
 */

import { drain, getLogger } from "@logtape/logtape";
import { kernelRandom } from "../../ffi/entropy.ts";
import type {
  ErrorFrame,
  ExitFrame,
  ResourceUsage,
} from "../../protocol/mod.ts";
import { cutArgv, cutText, jsonBytes } from "./cut_text.ts";
import { LimitedLog } from "./limited_log.ts";
import { OMITTED_EVENT, OMITTED_MESSAGE } from "./omitted_sessions.ts";
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
  /** What its records have in common, and no other session's. */
  readonly session: string;
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
  /** Whether it came to change anything in the guest. */
  ran: boolean;
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

/** How much of a caller's words goes into a record, in bytes of JSON. */
interface Room {
  /** Of the whole command. */
  readonly argv: number;
  /** Of each text that may name it. */
  readonly text: number;
}

/**
 * journald splits a line of more than 48 KiB, and what begins with the second half
 * would be a record of the caller's own, with the priority that it asks for.
 */
const ROOM: Room = { argv: 24 * 1024, text: 3 * 1024 };
/** How long the record is of a session that ran nothing, in bytes. */
const MAX_WITHOUT_RUN = 1024;
/** How much of that the record's time, level, logger and braces take. */
const FRAME_BYTES = 160;
/** How many of those records there are one by one within a period. */
const MAX_PER_PERIOD = 100;
/** How long that period is, in milliseconds. */
const PERIOD = 10_000;

const logger = getLogger(["cocoon-agent", "audit"]);

/**
 * Describes a session that begins.
 *
 * @param peer Who is at the other end.
 * @returns What is known of it.
 * @throws {OsError} If the kernel has no random bytes for its id.
 */
export function beginAudit(peer: string): Audit {
  return {
    // The kernel's generator, since clones of one snapshot share the runtime's.
    session: Array.from(
      kernelRandom(8),
      (byte) => byte.toString(16).padStart(2, "0"),
    ).join(""),
    peer,
    kind: "none",
    start: Date.now(),
    startMark: performance.now(),
    command: { stdinBytes: 0, stdoutBytes: 0, stderrBytes: 0 },
    ran: false,
  };
}

/**
 * Logs what sessions do: what runs something at its start and its end, everything
 * else at its end alone, shortly, and beyond some number as a number only. A caller
 * who may run nothing must not push out of the log what others ran.
 *
 * Variables are left out: they hold secrets. What is very long is cut.
 */
export class AuditTrail {
  readonly #redact: readonly string[];
  readonly #withoutRun = new LimitedLog({
    logger,
    level: "info",
    max: MAX_PER_PERIOD,
    period: PERIOD,
    summary: OMITTED_MESSAGE,
    summaryProperties: { event: OMITTED_EVENT },
  });

  /**
   * @param redact What to leave out of arguments, as patterns of them.
   */
  constructor(redact: readonly string[]) {
    this.#redact = redact;
  }

  /**
   * Logs that a session has begun to do something in the guest.
   *
   * @param audit What is known of the session.
   * @returns A promise that resolves when the record is in the log and the file,
   * so that it outlives the agent; or soon, where they don't take it.
   */
  async started(audit: Audit): Promise<void> {
    audit.ran = true;
    this.#withoutRun.summarize();
    logger.info("Session of {peer} started: {task}", {
      event: "start",
      ...this.#describe(audit, ROOM),
    });
    // Draining rejects while logging is being configured or ended.
    await drain().catch(() => {});
  }

  /**
   * Logs that a session has ended.
   *
   * @param audit What is known of the session.
   */
  ended(audit: Audit): void {
    // A connection that came and went, as a probe's does, was no session.
    if (audit.kind === "none" && audit.outcome === undefined) {
      logger.debug("Connection of {peer} ended without a frame", {
        peer: audit.peer,
      });
      return;
    }
    const message = "Session of {peer} ended: {task}, {result}";
    if (audit.probe) {
      logger.debug(message, this.#describeEnd(audit, ROOM));
    } else if (audit.ran) {
      this.#withoutRun.summarize();
      logger.info(message, this.#describeEnd(audit, ROOM));
    } else {
      this.#withoutRun.record(message, this.#describeShortly(audit));
    }
  }

  /** Logs how many sessions weren't logged one by one. */
  close(): void {
    this.#withoutRun.summarize();
  }

  #describe(audit: Audit, room: Room): Record<string, unknown> {
    const { argv, command } = audit;
    const cut = (text: string | undefined) => text && cutText(text, room.text);
    return {
      session: audit.session,
      peer: audit.peer,
      kind: audit.kind,
      task: cut([audit.kind, ...(argv ?? []).slice(0, 1)].join(" ")),
      argv: argv && cutArgv(redactArgv(argv, this.#redact), room.argv),
      tty: audit.tty,
      user: cut(audit.user),
      cwd: cut(audit.cwd),
      rule: cut(command.rule),
      pid: command.pid,
      start: new Date(audit.start).toISOString(),
    };
  }

  #describeEnd(audit: Audit, room: Room): Record<string, unknown> {
    const { command } = audit;
    return {
      event: "end",
      ...this.#describe(audit, room),
      ran: audit.ran,
      durationMs: Math.round(performance.now() - audit.startMark),
      stdinBytes: command.stdinBytes,
      stdoutBytes: command.stdoutBytes,
      stderrBytes: command.stderrBytes,
      ...command.usage,
      result: cutText(describe(audit), room.text),
      ...outcomeFields(audit, room),
    };
  }

  /** Leaves the caller as many words as a short record has room for. */
  #describeShortly(audit: Audit): Record<string, unknown> {
    for (let bytes = MAX_WITHOUT_RUN / 4;; bytes = Math.floor(bytes * 3 / 4)) {
      const room = { argv: bytes, text: bytes };
      const properties = this.#describeEnd(audit, room);
      const { peer, task, result } = properties;
      const message = jsonBytes([peer, task, result]);
      const size = FRAME_BYTES + message + jsonBytes(properties);
      if (size <= MAX_WITHOUT_RUN || bytes === 0) return properties;
    }
  }
}

function outcomeFields(
  { outcome, lost }: Audit,
  room: Room,
): Record<string, unknown> {
  if (lost || outcome === undefined) return { lost: true };
  return outcome.type === "exit"
    ? {
      exitCode: outcome.exitCode,
      signal: outcome.signal,
      timedOut: outcome.timedOut,
    }
    : {
      errorCode: outcome.code,
      error: cutText(outcome.message, room.text),
    };
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
