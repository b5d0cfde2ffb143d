/**
 * Folders, without a permission for each.
 *
 * @module
 */

import {
  AT_REMOVEDIR,
  DIRENT64,
  DT_DIR,
  O_CLOEXEC,
  O_RDONLY,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  SYS_openat2,
} from "./abi.ts";
import { decodeCString, encodeCString } from "./c_string.ts";
import { Errno, OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { errno, libc } from "./libc.ts";

/** Enough for a hundred entries at once. */
const LIST_BYTES = 8192;

/**
 * Makes a folder, see mkdir(2).
 *
 * @param path The folder's path.
 * @throws {OsError} If it cannot be made, such as `EEXIST`.
 */
export function makeFolder(path: string): void {
  if (libc().mkdir(encodeCString(path), 0o755) < 0) {
    throw new OsError(errno(), `make "${path}"`);
  }
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
 * Lists the folders in a folder, a hundred at a time, see getdents64(2). The
 * folder may change meanwhile.
 *
 * @param path The folder's path.
 * @returns Their names, in no order, without `.` and `..`. Bytes of a name that
 * aren't UTF-8 become U+FFFD.
 * @throws {OsError} If the folder cannot be read.
 */
export function* listFolders(path: string): Generator<string> {
  using folder = Fd.open(path, O_RDONLY);
  for (const name of namesIn(folder, path)) yield decodeCString(name);
}

/**
 * Removes the folders below a folder, however many there are and however deep they
 * lie, in small steps between which others may have their turn. Neither the
 * descriptors nor the memory that this takes grow with what is there, and no name
 * is too long. What isn't a folder is left alone: in the kernel's own file systems
 * it goes with its folder. What is mounted there is never entered.
 *
 * @param path The folder's path. The folder itself is not removed.
 * @returns The steps, each of which costs a few system calls. After the last one
 * nothing is left that could be removed: not all is gone if something else holds a
 * folder, or if others make or remove some meanwhile.
 * @throws {OsError} If a folder cannot be read, or removed for another reason than
 * that it isn't empty or in use; with `EXDEV` if something is mounted on one.
 */
export function* emptyFolder(path: string): Generator<void> {
  let folder = Fd.open(path, O_RDONLY);
  try {
    for (let depth = 0;;) {
      let found = false;
      let full: Uint8Array | undefined;
      for (const name of namesIn(folder, path)) {
        found = true;
        if (!removeIn(folder, name, path)) {
          full = name;
          break;
        }
        yield;
      }
      yield;
      // The folder was found to be full, and what fills it isn't a folder.
      if (!found) return;
      if (full === undefined && depth === 0) return;
      // From the parent on nothing is remembered: the folder is there the first that
      // is found again, and empty now.
      const next = openIn(folder, full ?? PARENT, path);
      if (next === undefined) return;
      folder.close();
      folder = next;
      depth += full === undefined ? -1 : 1;
    }
  } finally {
    folder.close();
  }
}

const PARENT = encodeCString("..");

/** `struct open_how` of openat2(2): its flags, its mode, what it may not follow. */
const STAY_HERE = new BigUint64Array([
  BigInt(O_RDONLY | O_CLOEXEC),
  0n,
  BigInt(RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS),
]);

/** Removes a folder's entry, and returns whether it is gone now. */
function removeIn(folder: Fd, name: Uint8Array, root: string): boolean {
  if (libc().unlinkat(folder.number, name, AT_REMOVEDIR) === 0) return true;
  const code = errno();
  if (code === Errno.ENOENT) return true;
  if (code === Errno.EBUSY || code === Errno.ENOTEMPTY) return false;
  throw new OsError(
    code,
    `remove the folder "${decodeCString(name)}" below "${root}"`,
  );
}

/** Opens the folder that a folder's entry is, unless it is gone. */
function openIn(folder: Fd, name: Uint8Array, root: string): Fd | undefined {
  const number = libc().openat2(
    BigInt(SYS_openat2),
    folder.number,
    name,
    STAY_HERE,
    BigInt(STAY_HERE.byteLength),
  );
  if (number >= 0) return new Fd(number);
  const code = errno();
  if (code === Errno.ENOENT) return undefined;
  throw new OsError(
    code,
    `open the folder "${decodeCString(name)}" below "${root}"`,
  );
}

/** Reads the names of the folders in a folder, each with the final NUL of C. */
function* namesIn(folder: Fd, path: string): Generator<Uint8Array> {
  const buffer = new Uint8Array(LIST_BYTES);
  const view = new DataView(buffer.buffer);
  for (;;) {
    const end = libc().getdents64(folder.number, buffer, BigInt(LIST_BYTES));
    if (end < 0) {
      const code = errno();
      // The folder was removed while it was open.
      if (code === Errno.ENOENT) return;
      throw new OsError(code, `list "${path}"`);
    }
    if (end === 0) return;
    for (let at = 0; at < end;) {
      const next = at + view.getUint16(at + DIRENT64.length, true);
      if (view.getUint8(at + DIRENT64.type) === DT_DIR) {
        const name = buffer.subarray(at + DIRENT64.name, next);
        if (!isSelfOrParent(name)) yield name;
      }
      at = next;
    }
  }
}

/** Tells whether a name with a final NUL is `.` or `..`. */
function isSelfOrParent(name: Uint8Array): boolean {
  const dot = 0x2e;
  return name[0] === dot && (name[1] === 0 || name[1] === dot && name[2] === 0);
}
