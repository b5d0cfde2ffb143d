/**
 * Finding what a path leads to, without waiting for a file system that doesn't
 * answer.
 *
 * @module
 */

import {
  AT_FDCWD,
  O_CLOEXEC,
  O_PATH,
  OPEN_HOW,
  RESOLVE_CACHED,
  RESOLVE_NO_XDEV,
  SYS_openat2,
} from "./abi.ts";
import { BlockingCalls } from "./blocking_calls.ts";
import { encodeCString, isTooLong } from "./c_string.ts";
import { Errno } from "./errno.ts";
import { Fd } from "./fd.ts";
import { errno, libc } from "./libc.ts";
import { probeOpen } from "./posix_spawn.ts";
import { readLink } from "./read_link.ts";

/** What {@linkcode openPath} returns. */
export interface OpenedPath extends Disposable {
  /** What the path leads to, opened with `O_PATH`: only referred to. */
  readonly fd: Fd;
  /**
   * Whether the kernel had the whole way in memory, on the file system of the root
   * directory: calls about the file wait for no other file system then.
   */
  readonly atHand: boolean;
}

/** Lookups wait for disks, and for ever where the server of a mount is gone. */
const lookups = new BlockingCalls({ max: 8, timeout: 5000 });

const AT_HAND = new BigUint64Array(OPEN_HOW.size / 8);
AT_HAND[OPEN_HOW.flags / 8] = BigInt(O_PATH | O_CLOEXEC);
AT_HAND[OPEN_HOW.resolve / 8] = BigInt(RESOLVE_CACHED | RESOLVE_NO_XDEV);

/** What looking elsewhere wouldn't change. */
const DEFINITE: readonly number[] = [
  Errno.ENOENT,
  Errno.ENOTDIR,
  Errno.EACCES,
  Errno.ELOOP,
  Errno.ENAMETOOLONG,
  Errno.EMFILE,
  Errno.ENFILE,
  Errno.ENOMEM,
];

/**
 * Opens what a path leads to. What the kernel has in memory is found at once;
 * everything else is looked up on another thread, for a few seconds at most.
 *
 * @param path The path.
 * @param what What it is opened for, as it reads after "Cannot".
 * @returns The file, to be disposed of by the caller, or the errno if there is
 * none: most searches begin where there is none.
 * @throws {OsError} `ETIMEDOUT` if a file system doesn't answer, `EAGAIN` if too
 * many others don't.
 * @throws {TypeError} If the path holds a NUL.
 */
export async function openPath(
  path: string,
  what: string,
): Promise<OpenedPath | number> {
  if (isTooLong(path, "path")) return Errno.ENAMETOOLONG;
  const cPath = encodeCString(path);
  const atHand = openAtHand(cPath);
  if (typeof atHand !== "number") return opened(atHand, true);
  if (DEFINITE.includes(atHand)) return atHand;
  const number = await lookups.run(
    what,
    () => libc().open_blocking(cPath, O_PATH | O_CLOEXEC, 0),
    { onLate: (late) => late >= 0 && new Fd(late).close() },
  );
  return number < 0
    ? await failure(path, cPath, what)
    : opened(new Fd(number), false);
}

/**
 * Tells whether the kernel has the way to a file in memory, see
 * {@linkcode OpenedPath.atHand}.
 *
 * @param path The file's path.
 * @returns Whether it has, and the file is there.
 * @throws {TypeError} If the path holds a NUL.
 * @throws {RangeError} If the path is longer than any can be.
 */
export function isAtHand(path: string): boolean {
  const file = openAtHand(encodeCString(path));
  if (typeof file === "number") return false;
  file.close();
  return true;
}

function opened(fd: Fd, atHand: boolean): OpenedPath {
  return { fd, atHand, [Symbol.dispose]: () => fd.close() };
}

/** Opens a path that is in memory, or returns the errno. */
function openAtHand(cPath: Uint8Array): Fd | number {
  const size = BigInt(OPEN_HOW.size);
  const result = libc()
    .openat2(BigInt(SYS_openat2), AT_FDCWD, cPath, AT_HAND, size);
  return result >= 0 ? new Fd(result) : errno();
}

/** Finds out why a path could not be opened: the errno stayed on the other thread. */
async function failure(
  path: string,
  cPath: Uint8Array,
  what: string,
): Promise<number> {
  // The kernel remembers what isn't there.
  const again = openAtHand(cPath);
  if (typeof again !== "number") again.close();
  else if (DEFINITE.includes(again)) return again;
  return await lookups.run(what, () => probeOpen(path)) || Errno.ENOENT;
}

/**
 * Returns the path of an open file, with all symbolic links resolved; see
 * proc_pid_fd(5).
 *
 * @param fd The file.
 * @returns The absolute path.
 * @throws {OsError} If /proc isn't there.
 */
export function pathOf(fd: Fd): string {
  return readLink(linkOf(fd));
}

/**
 * Asks for access to an open file, or to what is below it, see access(2).
 *
 * @param opened The file.
 * @param below What follows its path, such as `/.`.
 * @param mode The kind of access, such as `X_OK`.
 * @param what What it is for, as it reads after "Cannot".
 * @returns Whether the access is granted.
 * @throws {OsError} `ETIMEDOUT` or `EAGAIN` as {@linkcode openPath}.
 */
export async function isAccessible(
  { fd, atHand }: OpenedPath,
  below: string,
  mode: number,
  what: string,
): Promise<boolean> {
  const cPath = encodeCString(`${linkOf(fd)}${below}`);
  const c = libc();
  return (atHand
    ? c.access(cPath, mode)
    : await lookups.run(what, () => c.access_blocking(cPath, mode))) === 0;
}

/** Stays on the file itself, wherever its path leads by now. */
function linkOf(fd: Fd): string {
  return `/proc/self/fd/${fd.number}`;
}
