/**
 * One place from errno numbers to names and text, and the error that every
 * failed call of the C library becomes.
 *
 * @module
 */

import { decodeCString } from "./c_string.ts";
import { libc } from "./libc.ts";

/** The errno values that this code decides by, see errno(3). */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENOTDIR: 20,
  EISDIR: 21,
  ENFILE: 23,
  EMFILE: 24,
  ETXTBSY: 26,
  ENOSPC: 28,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EINPROGRESS: 115,
} as const;

/**
 * A failed call of the C library: what was attempted, on what, and why the
 * kernel refused it.
 */
export class OsError extends Error {
  /** What was attempted, such as `bind vsock port 1024`. */
  readonly operation: string;
  /** The number of the error, see errno(3). */
  readonly errno: number;
  /** The name of the error, such as `EADDRINUSE`. */
  readonly code: string;
  /** Why the kernel refused, such as `Address already in use (EADDRINUSE)`. */
  readonly reason: string;

  /**
   * The number comes first, so that it is read before a message is made.
   *
   * @param errno The number of the error.
   * @param operation What was attempted and on what, as it reads after
   * "Cannot".
   */
  constructor(errno: number, operation: string) {
    const code = errnoName(errno);
    const reason = `${errnoText(errno)} (${code})`;
    super(`Cannot ${operation}: ${reason}`);
    this.name = "OsError";
    this.operation = operation;
    this.errno = errno;
    this.code = code;
    this.reason = reason;
  }
}

/** Longer than any name or description. */
const TEXT_BYTES = 128n;

/**
 * Returns the name of an error number, see strerrorname_np(3).
 *
 * @param errno The number of the error.
 * @returns Its name, such as `ENOENT`, or `errno N` for a number without one.
 */
export function errnoName(errno: number): string {
  const name = libc().strerrorname_np(errno);
  if (name === null) return `errno ${errno}`;
  const text = new Uint8Array(Number(TEXT_BYTES));
  libc().strncpy(text, name, TEXT_BYTES);
  return decodeCString(text);
}

/**
 * Returns the description of an error number, see strerror_r(3).
 *
 * @param errno The number of the error.
 * @returns A sentence fragment, such as `No such file or directory`.
 */
export function errnoText(errno: number): string {
  const text = new Uint8Array(Number(TEXT_BYTES));
  libc().__xpg_strerror_r(errno, text, TEXT_BYTES);
  return decodeCString(text);
}
