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
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  O_ACCMODE,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  PIPE_BUF,
  SO_ERROR,
  SOL_SOCKET,
} from "./abi.ts";
import { AsyncFd } from "./async_fd.ts";
import { Errno, OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { fileKind } from "./file_kind.ts";
import { errno, libc } from "./libc.ts";
import { isReadable, isWritable } from "./poll.ts";
import { isStandIn } from "./stand_in.ts";
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
  return flags < 0 || flags & FD_CLOEXEC ? undefined : access(fd);
}

/** Tells what any descriptor is open for. */
function access(fd: number): InheritedAccess {
  const flags = libc().fcntl(fd, F_GETFL, 0);
  if (flags < 0 || flags & O_PATH) return { readable: false, writable: false };
  const mode = flags & O_ACCMODE;
  return { readable: mode !== O_WRONLY, writable: mode !== O_RDONLY };
}

/**
 * How a descriptor is written to without this thread being held up:
 *
 * - `socket`: by calls that never wait.
 * - `reopened`: a pipe or a terminal, by an open file description of this
 *   process's own, which alone is non-blocking.
 * - `shared`: a pipe or a terminal that cannot be opened once more. A pipe that
 *   poll(2) calls writable takes 4096 bytes, unless somebody else was faster.
 * - `file`: a file or a device, which takes all or fails.
 * - `none`: not at all, as this process was started without the descriptor.
 */
type WriteMethod = "socket" | "reopened" | "shared" | "file" | "none";

/**
 * An inherited descriptor of a pipe, a socket, a terminal or a file.
 *
 * Others may have it as well, to whom it would come as a surprise if it were
 * non-blocking all of a sudden, a shell above all; and others may have made it
 * non-blocking, as Node.js does. Its flags are therefore left as they are, and
 * every operation waits for what is to come, whatever they say. From a terminal
 * nothing is read in the background, which would stop this process;
 * {@linkcode wake} lets the reader look again in the foreground.
 */
export class InheritedFd extends AsyncFd {
  readonly #name: string;
  #readable: boolean | undefined;
  #method: WriteMethod | undefined;
  #reopened: Fd | undefined;
  #lastWrite: Promise<void> = Promise.resolve();

  /**
   * @param number The descriptor, which nobody else may close from now on.
   * @param name What it is called in error messages, such as `stdin`.
   */
  constructor(number: number, name = `descriptor ${number}`) {
    super(number);
    this.#name = name;
  }

  /**
   * Reads once.
   *
   * @param into Where the bytes go.
   * @returns How many bytes were read, 0 at the end of the file or where the
   * descriptor isn't open for reading, or `null` if nothing is there yet.
   * @throws {OsError} If the read fails.
   */
  override tryRead(into: Uint8Array): number | null {
    this.#readable ??= access(this.number).readable;
    // poll(2) would have the reader of a pipe's other end wait for ever.
    if (!this.#readable) return 0;
    if (!isReadable(this.number) || isBackground(this.number)) return null;
    try {
      return super.tryRead(into);
    } catch (error) {
      throw renamed(error, `read ${this.#name}`);
    }
  }

  /**
   * Writes once, as much as there is room for.
   *
   * @param from The bytes to write.
   * @returns How many bytes were written, or `null` if there is no room yet.
   * @throws {OsError} If the write fails.
   */
  override tryWrite(from: Uint8Array): number | null {
    this.#method ??= this.#chooseMethod();
    try {
      switch (this.#method) {
        case "socket":
          return trySend(this.number, from);
        case "reopened":
          return this.#reopened!.tryWrite(from);
        case "shared":
          return isWritable(this.number)
            ? super.tryWrite(from.subarray(0, PIPE_BUF))
            : null;
        case "file":
          return super.tryWrite(from);
        case "none":
          throw new OsError(Errno.EBADF, "write");
      }
    } catch (error) {
      throw renamed(error, `write to ${this.#name}`);
    }
  }

  /**
   * Writes all of some bytes behind those that were written before, and waits for
   * room as long as it takes.
   *
   * @param bytes The bytes, which must stay as they are until then.
   * @throws {OsError} If a write fails, with `EPIPE` when nobody reads any more.
   */
  write(bytes: Uint8Array): Promise<void> {
    const written = this.#lastWrite.then(() => this.#writeAll(bytes));
    this.#lastWrite = written.catch(() => {});
    return written;
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

  /**
   * Takes the error that the next read of a socket would have told, such as a reset.
   *
   * @returns The error, or `undefined` where there is none.
   */
  takeError(): OsError | undefined {
    if (this.closed) return undefined;
    const code = Int32Array.of(0);
    const size = Uint32Array.of(code.byteLength);
    libc().getsockopt(this.number, SOL_SOCKET, SO_ERROR, code, size);
    return code[0] ? new OsError(code[0], `read ${this.#name}`) : undefined;
  }

  override close(): void {
    this.#reopened?.close();
    super.close();
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    this.#method ??= this.#chooseMethod();
    const mayBlock = this.#method === "shared" || this.#method === "file";
    for (let rest = bytes; rest.byteLength > 0;) {
      const count = mayBlock
        ? await this.#writeApart(rest)
        : this.tryWrite(rest);
      if (count === null) await this.writable();
      else rest = rest.subarray(count);
    }
  }

  /** Writes once on a thread of the runtime's pool, which may be held up. */
  async #writeApart(bytes: Uint8Array): Promise<number | null> {
    const size = BigInt(bytes.byteLength);
    const count = await libc().write_blocking(this.number, bytes, size);
    // Which error it was, that thread alone knows; this one gets the same.
    return count < 0 ? this.tryWrite(bytes) : count;
  }

  #chooseMethod(): WriteMethod {
    const kind = fileKind(this.number);
    if (kind === "file" && isStandIn(this.number)) return "none";
    if (kind === "socket" || kind === "file") return kind;
    // Opening it once more must not allow what its owner didn't.
    if (!access(this.number).writable) return "file";
    try {
      this.#reopened = Fd.open(
        `/proc/self/fd/${this.number}`,
        O_WRONLY | O_NONBLOCK | O_NOCTTY,
      );
      return "reopened";
    } catch {
      // The file is another user's, the pipe has no reader, or there is no /proc.
      return "shared";
    }
  }
}

/** Sends once, see send(2). */
function trySend(socket: number, bytes: Uint8Array): number | null {
  for (;;) {
    const size = BigInt(bytes.byteLength);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const result = libc().send(socket, bytes, size, flags);
    if (result >= 0) return result;
    const code = errno();
    if (code === Errno.EAGAIN) return null;
    if (code !== Errno.EINTR) throw new OsError(code, "send");
  }
}

/** Says of which descriptor an error is. */
function renamed(error: unknown, operation: string): unknown {
  return error instanceof OsError ? new OsError(error.errno, operation) : error;
}
