/**
 * An owned file descriptor.
 *
 * @module
 */

import { encodeCString } from "./c_string.ts";
import { Errno, OsError } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import { O_CLOEXEC } from "./abi.ts";

/**
 * A file descriptor with one owner, which closes it exactly once.
 *
 * @example Closing at the end of the scope
 * ```ts
 * import { Fd } from "./fd.ts";
 * import { O_RDONLY } from "./abi.ts";
 *
 * using fd = Fd.open("/proc/uptime", O_RDONLY);
 * const bytes = new Uint8Array(64);
 * fd.tryRead(bytes);
 * ```
 */
export class Fd implements Disposable {
  #number: number;

  /**
   * Takes a descriptor over.
   *
   * @param number The descriptor, which nobody else may close from now on.
   */
  constructor(number: number) {
    this.#number = number;
  }

  /**
   * Opens a file, see open(2). The descriptor is closed on exec.
   *
   * @param path The file's path.
   * @param flags The flags of open(2).
   * @returns The open file.
   * @throws {OsError} If the file cannot be opened.
   */
  static open(path: string, flags: number): Fd {
    const cPath = encodeCString(path);
    const result = libc().open(cPath, flags | O_CLOEXEC, 0);
    if (result < 0) throw new OsError(errno(), `open "${path}"`);
    return new Fd(result);
  }

  /** The descriptor's number, for one call at a time; never store it. */
  get number(): number {
    if (this.#number < 0) {
      throw new TypeError("Cannot use a file descriptor that is closed");
    }
    return this.#number;
  }

  /** Whether the descriptor is closed. */
  get closed(): boolean {
    return this.#number < 0;
  }

  /**
   * Reads once, see read(2).
   *
   * @param into Where the bytes go.
   * @returns How many bytes were read, 0 at the end of the file, or `null` if
   * the descriptor is non-blocking and nothing is there yet.
   * @throws {OsError} If the read fails.
   */
  tryRead(into: Uint8Array): number | null {
    for (;;) {
      const result = libc().read(this.number, into, BigInt(into.byteLength));
      if (result >= 0) return result;
      const code = errno();
      if (code === Errno.EAGAIN) return null;
      if (code !== Errno.EINTR) throw new OsError(code, "read");
    }
  }

  /**
   * Reads once from a place in a file, see pread(2).
   *
   * @param into Where the bytes go.
   * @param offset The place, in bytes from the file's beginning.
   * @returns How many bytes were read, 0 at the end of the file.
   * @throws {OsError} If the read fails.
   */
  readAt(into: Uint8Array, offset: bigint): number {
    for (;;) {
      const size = BigInt(into.byteLength);
      const result = libc().pread(this.number, into, size, offset);
      if (result >= 0) return result;
      const code = errno();
      if (code !== Errno.EINTR) throw new OsError(code, "read");
    }
  }

  /**
   * Writes once, see write(2).
   *
   * @param from The bytes to write.
   * @returns How many bytes were written, or `null` if the descriptor is
   * non-blocking and there is no room yet.
   * @throws {OsError} If the write fails.
   */
  tryWrite(from: Uint8Array): number | null {
    for (;;) {
      const result = libc().write(this.number, from, BigInt(from.byteLength));
      if (result >= 0) return result;
      const code = errno();
      if (code === Errno.EAGAIN) return null;
      if (code !== Errno.EINTR) throw new OsError(code, "write");
    }
  }

  /** Closes the descriptor; a second call does nothing. */
  close(): void {
    if (this.#number < 0) return;
    // Linux releases the descriptor whatever close(2) returns.
    libc().close(this.#number);
    this.#number = -1;
  }

  /** Closes the descriptor. */
  [Symbol.dispose](): void {
    this.close();
  }
}
