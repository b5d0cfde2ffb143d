/**
 * What kind of file a descriptor is open on.
 *
 * @module
 */

import {
  AT_EMPTY_PATH,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
  S_IFSOCK,
  STATX,
  STATX_BASIC_STATS,
} from "./abi.ts";
import { encodeCString } from "./c_string.ts";
import { libc } from "./libc.ts";
import { isTerminal } from "./terminal.ts";

/**
 * A kind of file: `file` is a regular one, and whatever else a write doesn't wait
 * for.
 */
export type FileKind = "pipe" | "socket" | "terminal" | "file";

/** The device behind /dev/ptmx: opened once more it is another terminal. */
const PTMX = { major: 5, minor: 2 } as const;

/**
 * Tells what kind of file a descriptor is open on.
 *
 * @param fd The number of a descriptor.
 * @returns The kind.
 */
export function fileKind(fd: number): FileKind {
  const status = new DataView(new ArrayBuffer(STATX.size));
  const path = encodeCString("");
  // All zero if there is no such descriptor, as whatever is tried will tell.
  libc().statx(fd, path, AT_EMPTY_PATH, STATX_BASIC_STATS, status);
  switch (status.getUint16(STATX.mode, true) & S_IFMT) {
    case S_IFIFO:
      return "pipe";
    case S_IFSOCK:
      return "socket";
    case S_IFCHR: {
      const isPtmx = status.getUint32(STATX.ownMajor, true) === PTMX.major &&
        status.getUint32(STATX.ownMinor, true) === PTMX.minor;
      return isTerminal(fd) && !isPtmx ? "terminal" : "file";
    }
    default:
      return "file";
  }
}
