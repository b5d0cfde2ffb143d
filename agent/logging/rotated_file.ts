/**
 * A file of lines that is begun anew when it is full.
 *
 * @module
 */

import { AppendFile } from "../../ffi/append_file.ts";
import { Errno, OsError } from "../../ffi/errno.ts";
import { awaitStatusAt } from "../../ffi/file_status.ts";
import { HeldDirectory } from "../../ffi/held_directory.ts";
import { directoryOf, isWithinGrant, isWriteGranted } from "./write_grant.ts";

/** How large a file grows before the next one is begun, in bytes. */
export const MAX_BYTES: number = 10 * 1024 * 1024;
/** How many older files are kept, as `PATH.1`, the newest, and so on. */
const OLDER_FILES = 4;
/** The mode of the files that are made here. */
const MODE = 0o600;
const LF = 10;

const NOT_REGULAR = "it is no regular file";
const IS_LINK = "is a symbolic link, which is never followed; remove it";
const NOT_GRANTED =
  "this program may write none but in /var/log/cocoon-agent; choose a file there";

/** How many lines were written, and why not all of them. */
export interface WrittenLines {
  /** How many lines are in the file as a whole. */
  readonly lines: number;
  /** Why the others aren't. */
  readonly error?: unknown;
}

/**
 * The file at a path, and the older ones beside it. No link is followed in their
 * place, and the mode of a file that others made is left alone.
 */
export class RotatedFile implements Disposable {
  readonly #path: string;
  readonly #directoryPath: string;
  readonly #name: string;
  #file: AppendFile | undefined;
  #size = 0;
  /** Whether the file ends within a line, as after a write to a full disk. */
  #torn = false;

  private constructor(path: string) {
    this.#path = path;
    this.#directoryPath = directoryOf(path);
    this.#name = path.slice(path.lastIndexOf("/") + 1);
  }

  /**
   * Opens the file at a path, or makes one.
   *
   * @param path The path.
   * @returns The file.
   * @throws {Error} If the file cannot be opened, or it or an older one is a link.
   */
  static async open(path: string): Promise<RotatedFile> {
    const file = new RotatedFile(path);
    if (file.#name === "") throw file.#failure(NOT_REGULAR);
    using directory = await file.#openDirectory();
    const names = file.#names();
    for (const name of names.slice(1)) {
      if ((await directory.statusOf(name))?.type === "link") {
        const quoted = JSON.stringify(`${file.#directoryPath}/${name}`);
        throw file.#failure(`${quoted} ${IS_LINK}`);
      }
    }
    const paths = names.map((name) => `${file.#directoryPath}/${name}`);
    if (!paths.every(isWriteGranted)) {
      const status = await directory.statusOf(file.#name);
      throw file.#failure(status?.type === "other" ? NOT_REGULAR : NOT_GRANTED);
    }
    await file.#open(directory);
    return file;
  }

  /** The file's size in bytes. */
  get size(): number {
    return this.#size;
  }

  /**
   * Goes over to the file that the path names, and makes one where it names none.
   *
   * @returns Whether that is another file than before, or one that was emptied.
   * @throws {Error} If the file cannot be opened.
   */
  async follow(): Promise<boolean> {
    const status = await awaitStatusAt(this.#path);
    const file = this.#file;
    if (file && status?.identity === file.status.identity) {
      if (status.size === this.#size) return false;
      // Another process has written to the file, or emptied it.
      const emptied = status.size < this.#size;
      this.#size = status.size;
      this.#torn = file.endsWithinLine();
      return emptied;
    }
    using directory = await this.#openDirectory();
    await this.#open(directory);
    return true;
  }

  /**
   * Begins a new file, and keeps this one as an older one.
   *
   * @throws {Error} If that isn't possible.
   */
  async rotate(): Promise<void> {
    using directory = await this.#openDirectory();
    const names = this.#names();
    try {
      let last = 1;
      while (last < OLDER_FILES && await directory.statusOf(names[last]!)) {
        last++;
      }
      for (let index = last; index > 0; index--) {
        await directory.rename(names[index - 1]!, names[index]!);
      }
    } catch (error) {
      throw this.#failure(reasonOf(error), error);
    }
    await this.#open(directory);
  }

  /**
   * Appends lines.
   *
   * @param lines The lines, each with its line feed.
   * @returns How many are in the file, and why not all.
   */
  async append(lines: readonly Uint8Array[]): Promise<WrittenLines> {
    const prefix = this.#torn ? [Uint8Array.of(LF)] : [];
    const bytes = concat([...prefix, ...lines]);
    const { bytes: done, error } = await this.#file!.append(bytes);
    this.#size += done;
    if (done > 0) this.#torn = bytes[done - 1] !== LF;
    if (done === bytes.length) return { lines: lines.length };
    let rest = done - prefix.length;
    let whole = 0;
    while ((rest -= lines[whole]!.length) >= 0) whole++;
    return { lines: whole, error: this.#failure(reasonOf(error), error) };
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
  }

  async #openDirectory(): Promise<HeldDirectory> {
    if (!isWriteGranted(this.#path)) throw this.#failure(NOT_GRANTED);
    const path = this.#directoryPath;
    let directory: HeldDirectory | undefined;
    try {
      directory = await HeldDirectory.open(path);
      if (await isWithinGrant(path, directory)) return directory;
    } catch (error) {
      directory?.[Symbol.dispose]();
      throw this.#failure(
        error instanceof OsError && error.errno === Errno.ENOENT
          ? "its folder isn't there; make it, for the agent's user alone (install -d -m 700)"
          : reasonOf(error),
        error,
      );
    }
    directory[Symbol.dispose]();
    throw this.#failure(
      `its folder is elsewhere, by a symbolic link, and ${NOT_GRANTED}`,
    );
  }

  async #open(directory: HeldDirectory): Promise<void> {
    let file: AppendFile;
    try {
      file = await AppendFile.open(directory, this.#name, MODE);
    } catch (error) {
      throw this.#failure(reasonOf(error), error);
    }
    if (file.status.type !== "file") {
      file[Symbol.dispose]();
      throw this.#failure(NOT_REGULAR);
    }
    this[Symbol.dispose]();
    this.#file = file;
    this.#size = file.status.size;
    this.#torn = file.endsWithinLine();
  }

  /** The file's name and those of the older ones, from the newest. */
  #names(): string[] {
    const older = Array.from({ length: OLDER_FILES }, (_, i) => `.${i + 1}`);
    return ["", ...older].map((suffix) => this.#name + suffix);
  }

  #failure(reason: string, cause?: unknown): Error {
    return new Error(
      `Cannot keep audit records in ${JSON.stringify(this.#path)}: ${reason}`,
      { cause },
    );
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof OsError) {
    switch (error.errno) {
      case Errno.ELOOP:
        return `it ${IS_LINK}, or name the file that it leads to`;
      case Errno.EISDIR:
      case Errno.ENXIO:
        return NOT_REGULAR;
    }
  }
  return error instanceof Error ? error.message : String(error);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
