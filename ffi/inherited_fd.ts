/**
 * Descriptors that this process was started with.
 *
 * @module
 */

import {
  EPOLLERR,
  EPOLLHUP,
  F_GETFD,
  F_GETFL,
  FD_CLOEXEC,
  O_ACCMODE,
  O_RDONLY,
  O_WRONLY,
  PIPE_BUF,
} from "./abi.ts";
import { AsyncFd } from "./async_fd.ts";
import { Errno, OsError } from "./errno.ts";
import { libc } from "./libc.ts";
import { isReadable, isWritable } from "./poll.ts";
import { isBackground } from "./terminal.ts";

/** What an inherited descriptor is open for. */
export interface InheritedAccess {
  /** Whether it can be read. */
  readonly readable: boolean;
  /** Whether it can be written. */
  readonly writable: boolean;
}

/**
 * Tells what a descriptor is open for that was handed to this process when it
 * was started. The runtime's own are none of those: they are closed on exec.
 *
 * @param fd The number of a descriptor.
 * @returns What it is open for, or `undefined` if it wasn't inherited.
 */
export function inheritedAccess(fd: number): InheritedAccess | undefined {
  const flags = libc().fcntl(fd, F_GETFD, 0);
  if (flags < 0 || flags & FD_CLOEXEC) return undefined;
  const access = libc().fcntl(fd, F_GETFL, 0) & O_ACCMODE;
  return { readable: access !== O_WRONLY, writable: access !== O_RDONLY };
}

/**
 * An inherited descriptor of a pipe, a socket, a terminal or a file.
 *
 * Others may have it as well, to whom it would come as a surprise if it were
 * non-blocking all of a sudden, a shell above all. So it is left as it is, and
 * asked before each operation whether that would block. From a terminal nothing
 * is read in the background, which would stop this process; {@linkcode wake} lets
 * the reader look again in the foreground.
 */
export class InheritedFd extends AsyncFd {
  override tryRead(into: Uint8Array): number | null {
    return isReadable(this.number) && !isBackground(this.number)
      ? super.tryRead(into)
      : null;
  }

  override tryWrite(from: Uint8Array): number | null {
    return isWritable(this.number)
      ? super.tryWrite(from.subarray(0, PIPE_BUF))
      : null;
  }

  /**
   * Watches for the end of everybody at the other end, also while nobody reads
   * or writes.
   *
   * @returns A signal that is aborted then. It never is on a regular file.
   * @throws {OsError} If the descriptor cannot be watched.
   */
  watchLoss(): AbortSignal {
    const lost = new AbortController();
    try {
      this.onHangup((events) => {
        // A half-close is none of these.
        if (events & (EPOLLHUP | EPOLLERR)) lost.abort();
      });
    } catch (error) {
      // A file is always ready, so that there is nothing to wait for.
      if (!(error instanceof OsError && error.errno === Errno.EPERM)) {
        throw error;
      }
    }
    return lost.signal;
  }
}
