/**
 * Calls that a disk may hold up.
 *
 * @module
 */

import { OsError } from "./errno.ts";
import { errno } from "./libc.ts";

/** What failed within this time has failed at once, in milliseconds. */
const AT_ONCE = 100;

/** A call of the C library, in two ways. */
export interface PatientCall {
  /** What it attempts, as it reads after "Cannot". */
  readonly operation: string;
  /** Makes the call on a thread of the runtime's pool. */
  readonly call: () => Promise<number>;
  /** Makes the same call on this thread. */
  readonly repeat: () => number;
}

/**
 * Makes a call on a thread of the runtime's pool, so that a disk that hangs holds
 * this thread up by nothing.
 *
 * The thread alone knows why its call failed. A call that failed at once is
 * therefore repeated on this thread, which then knows; what it may achieve counts.
 *
 * @param options The call.
 * @returns What it returned, at least 0.
 * @throws {OsError} If it failed at once.
 * @throws {Error} If it failed after a while.
 */
export async function callPatiently(
  { operation, call, repeat }: PatientCall,
): Promise<number> {
  const start = performance.now();
  const result = await call();
  if (result >= 0) return result;
  if (performance.now() - start > AT_ONCE) {
    throw new Error(`Cannot ${operation}: the disk took long, and failed`);
  }
  const repeated = repeat();
  if (repeated < 0) throw new OsError(errno(), operation);
  return repeated;
}
