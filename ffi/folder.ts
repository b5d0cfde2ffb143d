/**
 * Folders, without a permission for each.
 *
 * @module
 */

import { DIRENT64, DT_DIR, LOCK_EX, LOCK_NB, O_RDONLY } from "./abi.ts";
import { decodeCString, encodeCString } from "./c_string.ts";
import { Errno, OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { errno, libc } from "./libc.ts";

/** Enough for a hundred entries at once. */
const LIST_BYTES = 8192;

/**
 * Makes a folder, see mkdir(2). One that is there already is left as it is.
 *
 * @param path The folder's path.
 * @throws {OsError} If it cannot be made.
 */
export function makeFolder(path: string): void {
  if (libc().mkdir(encodeCString(path), 0o755) === 0) return;
  const code = errno();
  if (code !== Errno.EEXIST) throw new OsError(code, `make "${path}"`);
}

/**
 * Removes an empty folder, see rmdir(2).
 *
 * @param path The folder's path.
 * @throws {OsError} If it cannot be removed, such as `EBUSY` or `ENOENT`.
 */
export function removeFolder(path: string): void {
  if (libc().rmdir(encodeCString(path)) < 0) {
    throw new OsError(errno(), `remove "${path}"`);
  }
}

/**
 * Lists the folders in a folder, see getdents64(2).
 *
 * @param path The folder's path.
 * @returns Their names, in no order, without `.` and `..`.
 * @throws {OsError} If the folder cannot be read.
 */
export function listFolders(path: string): string[] {
  using folder = Fd.open(path, O_RDONLY);
  const buffer = new Uint8Array(LIST_BYTES);
  const view = new DataView(buffer.buffer);
  const names: string[] = [];
  for (;;) {
    const end = libc().getdents64(folder.number, buffer, BigInt(LIST_BYTES));
    if (end < 0) throw new OsError(errno(), `list "${path}"`);
    if (end === 0) return names;
    for (let at = 0; at < end;) {
      const next = at + view.getUint16(at + DIRENT64.length, true);
      if (view.getUint8(at + DIRENT64.type) === DT_DIR) {
        const name = decodeCString(buffer.subarray(at + DIRENT64.name, next));
        if (name !== "." && name !== "..") names.push(name);
      }
      at = next;
    }
  }
}

/**
 * Locks a folder against others who lock it so, see flock(2), for as long as the
 * descriptor is open.
 *
 * @param path The folder's path.
 * @returns The descriptor, or `undefined` if somebody else holds the lock.
 * @throws {OsError} If the folder cannot be opened.
 */
export function lockFolder(path: string): Fd | undefined {
  const folder = Fd.open(path, O_RDONLY);
  if (libc().flock(folder.number, LOCK_EX | LOCK_NB) === 0) return folder;
  const code = errno();
  folder.close();
  if (code === Errno.EAGAIN) return undefined;
  throw new OsError(code, `lock "${path}"`);
}
