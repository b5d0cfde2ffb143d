/**
 * A file that only grows.
 *
 * @module
 */

import {
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDWR,
} from "./abi.ts";
import { Errno, OsError } from "./errno.ts";
import type { Fd } from "./fd.ts";
import { type FileStatus, statusOf } from "./file_status.ts";
import type { HeldDirectory } from "./held_directory.ts";
import { errno, libc } from "./libc.ts";
import { callPatiently } from "./patient_call.ts";

// A pipe without a reader, or a terminal, does nothing to this process then.
const FLAGS = O_RDWR | O_APPEND | O_NONBLOCK | O_NOCTTY;
/** How often a file is looked for that others make and remove meanwhile. */
const ATTEMPTS = 3;
const LF = 10;

/** How much of some bytes is in the file, and why not all of it. */
export interface Appended {
  /** How many bytes are in the file. */
  readonly bytes: number;
  /** Why the others aren't. */
  readonly error?: unknown;
}

/** An open file, for bytes that go to its end. */
export class AppendFile implements Disposable {
  readonly #fd: Fd;
  /** Its status when it was opened. */
  readonly status: FileStatus;

  private constructor(fd: Fd, status: FileStatus) {
    this.#fd = fd;
    this.status = status;
  }

  /**
   * Opens a file in a directory, and makes it where there is none. A file that is
   * there already keeps its mode, and no symbolic link is followed. Whether it is a
   * regular file, its status says.
   *
   * @param directory The directory.
   * @param name The file's name there.
   * @param mode The mode of a file that is made.
   * @returns The open file.
   * @throws {OsError} If it cannot be opened, with `ELOOP` if it is a link.
   */
  static async open(
    directory: HeldDirectory,
    name: string,
    mode: number,
  ): Promise<AppendFile> {
    const fd = await openOrMake(directory, name, mode);
    try {
      return new AppendFile(fd, statusOf(fd));
    } catch (error) {
      fd.close();
      throw error;
    }
  }

  /**
   * Tells whether the file ends within a line.
   *
   * @returns Whether its last byte is something else than a line feed.
   * @throws {OsError} If it cannot be read.
   */
  endsWithinLine(): boolean {
    const { size } = statusOf(this.#fd);
    const last = new Uint8Array(1);
    return size > 0 && this.#fd.readAt(last, BigInt(size - 1)) === 1 &&
      last[0] !== LF;
  }

  /**
   * Appends bytes, on a thread that the disk may hold up.
   *
   * @param bytes The bytes.
   * @returns How many of them are in the file, and why not all.
   */
  async append(bytes: Uint8Array): Promise<Appended> {
    let done = 0;
    while (done < bytes.length) {
      const rest = bytes.subarray(done);
      const size = BigInt(rest.length);
      const { number } = this.#fd;
      try {
        done += await callPatiently({
          operation: "write",
          call: () => libc().write_blocking(number, rest, size),
          repeat: () => libc().write(number, rest, size),
        });
      } catch (error) {
        return { bytes: done, error };
      }
    }
    return { bytes: done };
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#fd.close();
  }
}

async function openOrMake(
  directory: HeldDirectory,
  name: string,
  mode: number,
): Promise<Fd> {
  for (let attempt = 1;; attempt++) {
    try {
      const fd = await directory.openFile(name, FLAGS | O_CREAT | O_EXCL, mode);
      makePrivate(fd, mode);
      return fd;
    } catch (error) {
      if (!isErrno(error, Errno.EEXIST)) throw error;
    }
    try {
      return await directory.openFile(name, FLAGS);
    } catch (error) {
      if (!isErrno(error, Errno.ENOENT) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Gives a new file the mode that this process's umask may have kept from it. */
function makePrivate(fd: Fd, mode: number): void {
  if (libc().fchmod(fd.number, mode) === 0) return;
  const error = new OsError(errno(), "set the mode of a new file");
  fd.close();
  throw error;
}

function isErrno(error: unknown, code: number): boolean {
  return error instanceof OsError && error.errno === code;
}
