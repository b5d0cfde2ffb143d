/**
 * How child processes end, see waitid(2).
 *
 * @module
 */

import {
  CLD_EXITED,
  P_PID,
  SIGINFO,
  WEXITED,
  WNOHANG,
  WNOWAIT,
} from "./abi.ts";
import { OsError } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import { signalName } from "./signals.ts";

/** How a child ended. */
export interface ChildStatus {
  /** The exit code, or 128 + n for the signal n. */
  readonly code: number;
  /** The name of the signal that ended the child, if one did. */
  readonly signal: string | undefined;
}

/**
 * Tells how a child ended, and leaves it to be reaped.
 *
 * @param pid The child.
 * @returns How it ended, or `undefined` if it hasn't.
 * @throws {OsError} If it is no child, or was reaped.
 */
export function exitOf(pid: number): ChildStatus | undefined {
  return wait(pid, WNOHANG | WNOWAIT);
}

/**
 * Reaps a child that has ended. Its process id may be another process's from then
 * on.
 *
 * @param pid The child.
 * @returns How it ended, or `undefined` if it hasn't.
 * @throws {OsError} If it is no child, or was reaped.
 */
export function reapIfEnded(pid: number): ChildStatus | undefined {
  return wait(pid, WNOHANG);
}

/**
 * Waits until a child has ended, and reaps it. This holds everybody up: it is for
 * children that were killed, or that end by themselves at once.
 *
 * @param pid The child.
 * @throws {OsError} If it is no child, or was reaped.
 */
export function reap(pid: number): void {
  wait(pid, 0);
}

function wait(pid: number, flags: number): ChildStatus | undefined {
  const info = new Int32Array(SIGINFO.size / 4);
  if (libc().waitid(P_PID, pid, info, WEXITED | flags) < 0) {
    throw new OsError(errno(), `wait for process ${pid}`);
  }
  if (info[SIGINFO.pid / 4] !== pid) return undefined;
  const status = info[SIGINFO.status / 4]!;
  return info[SIGINFO.code / 4] === CLD_EXITED
    ? { code: status, signal: undefined }
    : { code: 128 + status, signal: signalName(status) };
}
