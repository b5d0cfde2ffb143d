/**
 * Failures as the agent reports them.
 *
 * @module
 */

import { Errno, OsError } from "../ffi/errno.ts";
import { attemptToRun } from "../ffi/program.ts";
import {
  type ErrorCode,
  FrameLengthError,
  ProtocolError,
} from "../protocol/mod.ts";
import { DeniedError } from "./grants/grants.ts";

/** A failure that ends a session with an `error` frame. */
export class SessionError extends Error {
  override readonly name = "SessionError";
  /** What kind of failure it is. */
  readonly code: ErrorCode;
  /** The flag that sets the limit that was reached, where one was. */
  readonly limit: string | undefined;

  /**
   * @param code What kind of failure it is.
   * @param message What was attempted and why it failed.
   * @param limit The flag that sets the limit that was reached, if one was.
   */
  constructor(code: ErrorCode, message: string, limit?: string) {
    super(
      message.length > MAX_MESSAGE
        ? `${message.slice(0, MAX_MESSAGE)}…`
        : message,
    );
    this.code = code;
    this.limit = limit;
  }
}

/** A caller's words, which messages quote, may be as long as a frame. */
const MAX_MESSAGE = 8192;

/** What it means that a program cannot be run. */
const PROGRAM_CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [Errno.ENOENT, "not_found"],
  [Errno.ENOTDIR, "not_found"],
  [Errno.EACCES, "not_executable"],
  [Errno.EPERM, "not_executable"],
  [Errno.ENOEXEC, "not_executable"],
  [Errno.E2BIG, "not_executable"],
  [Errno.ELOOP, "not_executable"],
  [Errno.ENAMETOOLONG, "not_executable"],
  [Errno.ETXTBSY, "not_executable"],
]);

/** What it means that nothing can be run now: no process, pipe, memory or answer. */
const RESOURCE_CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [Errno.EAGAIN, "busy"],
  [Errno.ENOMEM, "busy"],
  [Errno.EMFILE, "busy"],
  [Errno.ENFILE, "busy"],
  // There is no pseudo-terminal left.
  [Errno.ENOSPC, "busy"],
  // A file system or a name service doesn't answer.
  [Errno.ETIMEDOUT, "timeout"],
]);

/**
 * Converts what went wrong while a program was looked up, checked or started.
 *
 * @param program The program's name as the caller gave it.
 * @param error What was thrown.
 * @returns The error for the caller; it names the program.
 */
export function spawnError(program: string, error: unknown): SessionError {
  const attempt = `Cannot ${attemptToRun(program)}`;
  if (error instanceof SessionError) {
    const message = `${attempt}: ${error.message}`;
    return new SessionError(error.code, message, error.limit);
  }
  if (error instanceof DeniedError) {
    return new SessionError("denied", `${attempt}: ${error.message}`);
  }
  if (error instanceof OsError) {
    const ofProgram = error.message.startsWith(attempt);
    // Where a tool stands in front of the program, the words are the caller's.
    const ofCaller = ofProgram || error.errno === Errno.E2BIG;
    const code = ofCaller ? PROGRAM_CODES.get(error.errno) : undefined;
    const { message } = error;
    return osError(
      error,
      code ?? "internal",
      ofProgram ? message : `${attempt}: ${message}`,
    );
  }
  return new SessionError("internal", `${attempt}: ${messageOf(error)}`);
}

/**
 * Converts a failed call of the system.
 *
 * @param error What was thrown.
 * @param otherwise What kind of failure it is unless something is missing or doesn't
 * answer for now.
 * @param message What was attempted and why it failed, the error's own by default.
 * @returns The error for the caller.
 */
export function osError(
  error: OsError,
  otherwise: ErrorCode,
  message: string = error.message,
): SessionError {
  const reason = error.errno === Errno.ETIMEDOUT
    ? `${message}; the file system or the name service that it takes doesn't answer`
    : message;
  return new SessionError(
    RESOURCE_CODES.get(error.errno) ?? otherwise,
    reason,
  );
}

/**
 * Converts anything that ended a session.
 *
 * @param error What was thrown.
 * @returns The error for the caller.
 */
export function sessionError(error: unknown): SessionError {
  if (error instanceof SessionError) return error;
  if (error instanceof FrameLengthError) {
    const message = `${error.message} (--max-frame)`;
    return new SessionError("protocol", message, "--max-frame");
  }
  const code = error instanceof ProtocolError ? "protocol" : "internal";
  return new SessionError(code, messageOf(error));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
