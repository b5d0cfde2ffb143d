/**
 * Keeping others away by a lock, without a permission for each file.
 *
 * @module
 */

import { LOCK_EX, LOCK_NB, O_WRONLY } from "./abi.ts";
import { Errno, OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { errno, libc } from "./libc.ts";

/**
 * Locks a file against others who lock it so, see flock(2), for as long as the
 * descriptor is open. The file is opened for writing: whoever may only read it could
 * lock it as well, and so keep those away who may write to it.
 *
 * @param path The file's path.
 * @returns The descriptor, or `undefined` if somebody else holds the lock.
 * @throws {OsError} If the file cannot be opened.
 */
export function lockFile(path: string): Fd | undefined {
  const file = Fd.open(path, O_WRONLY);
  if (libc().flock(file.number, LOCK_EX | LOCK_NB) === 0) return file;
  const code = errno();
  file.close();
  if (code === Errno.EAGAIN) return undefined;
  throw new OsError(code, `lock "${path}"`);
}
