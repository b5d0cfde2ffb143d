/**
 * A directory that is held, whatever its path comes to name meanwhile.
 *
 * @module
 */

import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  PATH_MAX,
} from "./abi.ts";
import { decodeCString, encodeCString } from "./c_string.ts";
import { OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { awaitStatusAt, type FileStatus } from "./file_status.ts";
import { errno, libc } from "./libc.ts";
import { callPatiently } from "./patient_call.ts";

/** A directory, for what is done with the files in it, by their names there. */
export class HeldDirectory implements Disposable {
  readonly #fd: Fd;

  private constructor(fd: Fd) {
    this.#fd = fd;
  }

  /**
   * Opens a directory.
   *
   * @param path The directory's path; symbolic links in it are followed.
   * @returns The directory.
   * @throws {OsError} If it cannot be opened, or is no directory.
   */
  static async open(path: string): Promise<HeldDirectory> {
    const flags = O_PATH | O_DIRECTORY;
    return new HeldDirectory(await openAt(AT_FDCWD, path, flags, 0));
  }

  /**
   * Returns where the directory is, see proc_pid_fd(5).
   *
   * @returns Its absolute path, without symbolic links.
   * @throws {OsError} If /proc isn't there.
   */
  path(): string {
    const link = encodeCString(`/proc/self/fd/${this.#fd.number}`);
    const path = new Uint8Array(PATH_MAX);
    if (libc().readlink(link, path, BigInt(PATH_MAX - 1)) < 0) {
      throw new OsError(errno(), "find where a directory is");
    }
    return decodeCString(path);
  }

  /**
   * Opens a file in the directory, see openat(2), unless it is a symbolic link.
   * The descriptor is closed on exec.
   *
   * @param name The file's name.
   * @param flags The flags of open(2).
   * @param mode The mode of a file that is made.
   * @returns The open file.
   * @throws {OsError} If it cannot be opened, with `ELOOP` if it is a link.
   */
  async openFile(name: string, flags: number, mode = 0): Promise<Fd> {
    return await openAt(this.#fd.number, name, flags | O_NOFOLLOW, mode);
  }

  /**
   * Gives a file in the directory another name, see rename(2). A file that has that
   * name is replaced; no link is followed.
   *
   * @param from The file's name.
   * @param to Its new name.
   * @throws {OsError} If it cannot be renamed.
   */
  async rename(from: string, to: string): Promise<void> {
    const { number } = this.#fd;
    const [cFrom, cTo] = [encodeCString(from), encodeCString(to)];
    await callPatiently({
      operation: `rename ${JSON.stringify(from)} to ${JSON.stringify(to)}`,
      call: () => libc().renameat_blocking(number, cFrom, number, cTo),
      repeat: () => libc().renameat(number, cFrom, number, cTo),
    });
  }

  /**
   * Returns the status of a file in the directory; of a symbolic link, its own.
   *
   * @param name The file's name.
   * @returns Its status, or `undefined` if there is none.
   */
  async statusOf(name: string): Promise<FileStatus | undefined> {
    return await awaitStatusAt(name, this.#fd);
  }

  /** Lets the directory go. */
  [Symbol.dispose](): void {
    this.#fd.close();
  }
}

async function openAt(
  directory: number,
  path: string,
  flags: number,
  mode: number,
): Promise<Fd> {
  const cPath = encodeCString(path);
  const all = flags | O_CLOEXEC;
  return new Fd(
    await callPatiently({
      operation: `open ${JSON.stringify(path)}`,
      call: () => libc().openat_blocking(directory, cPath, all, mode),
      repeat: () => libc().openat(directory, cPath, all, mode),
    }),
  );
}
