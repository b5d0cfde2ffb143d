/**
 * Failures as the agent reports them.
 *
 * @module
 */

import { Errno, OsError } from "../ffi/errno.ts";
import { type ErrorCode, ProtocolError } from "../protocol/mod.ts";
import { DeniedError } from "./grants.ts";

/** A failure that ends a session with an `error` frame. */
export class SessionError extends Error {
  override readonly name = "SessionError";
  /** What kind of failure it is. */
  readonly code: ErrorCode;

  /**
   * @param code What kind of failure it is.
   * @param message What was attempted and why it failed.
   */
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const SPAWN_CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [Errno.ENOENT, "not_found"],
  [Errno.ENOTDIR, "not_found"],
  [Errno.EACCES, "not_executable"],
  [Errno.EPERM, "not_executable"],
  [Errno.ENOEXEC, "not_executable"],
  [Errno.E2BIG, "not_executable"],
  [Errno.EAGAIN, "busy"],
  [Errno.ENOMEM, "busy"],
  [Errno.EMFILE, "busy"],
  [Errno.ENFILE, "busy"],
]);

/**
 * Converts what went wrong while a program was looked up, checked or started.
 *
 * @param program The program's name as the caller gave it.
 * @param error What was thrown.
 * @returns The error for the caller; it names the program.
 */
export function spawnError(program: string, error: unknown): SessionError {
  const attempt = `Cannot run ${JSON.stringify(program)}`;
  if (error instanceof DeniedError) {
    return new SessionError("denied", `${attempt}: ${error.message}`);
  }
  if (error instanceof OsError) {
    const code = SPAWN_CODES.get(error.errno) ?? "internal";
    const message = error.message.startsWith(attempt)
      ? error.message
      : `${attempt}: ${error.message}`;
    return new SessionError(code, message);
  }
  return new SessionError("internal", `${attempt}: ${messageOf(error)}`);
}

/**
 * Converts anything that ended a session.
 *
 * @param error What was thrown.
 * @returns The error for the caller.
 */
export function sessionError(error: unknown): SessionError {
  if (error instanceof SessionError) return error;
  const code = error instanceof ProtocolError ? "protocol" : "internal";
  return new SessionError(code, messageOf(error));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
