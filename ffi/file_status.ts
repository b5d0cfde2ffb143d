/**
 * What the kernel tells about a file, see statx(2), without a permission for each.
 *
 * @module
 */

import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  STATX,
  STATX_BASIC_STATS,
} from "./abi.ts";
import { encodeCString } from "./c_string.ts";
import { OsError } from "./errno.ts";
import type { Fd } from "./fd.ts";
import { errno, libc } from "./libc.ts";
import { callPatiently } from "./patient_call.ts";

/** The types of files that this code tells apart, see inode(7). */
export type FileType = "directory" | "file" | "link" | "socket" | "other";

/** What the kernel tells about a file. */
export interface FileStatus {
  /** Its type. */
  readonly type: FileType;
  /** Its permissions, see chmod(2). */
  readonly mode: number;
  /** The user id of its owner. */
  readonly uid: number;
  /** Its size in bytes. */
  readonly size: number;
  /** Its device and inode, which no other file has for as long as it is there. */
  readonly identity: string;
}

const TYPES: ReadonlyMap<number, FileType> = new Map([
  [S_IFDIR, "directory"],
  [S_IFREG, "file"],
  [S_IFLNK, "link"],
  [S_IFSOCK, "socket"],
]);

/**
 * Returns the status of an open file.
 *
 * @param file The file.
 * @returns Its status.
 * @throws {OsError} If the kernel cannot tell.
 */
export function statusOf(file: Fd): FileStatus {
  const call = new StatusCall(file.number, "", AT_EMPTY_PATH);
  if (call.make() < 0) throw new OsError(errno(), "examine an open file");
  return call.status();
}

/** Options for {@linkcode statusAt}. */
export interface StatusAtOptions {
  /**
   * Whether a symbolic link stands for the file that it leads to.
   *
   * @default {false}
   */
  readonly follow?: boolean;
}

/**
 * Returns the status of the file at a path; of a symbolic link, its own by default.
 *
 * @param path The path.
 * @param options The options.
 * @returns The file's status, or `undefined` if it cannot be reached, as where
 * there is none.
 */
export function statusAt(
  path: string,
  { follow = false }: StatusAtOptions = {},
): FileStatus | undefined {
  const flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
  const call = new StatusCall(AT_FDCWD, path, flags);
  return call.make() < 0 ? undefined : call.status();
}

/**
 * Returns the same as {@linkcode statusAt} does, for a path on a disk that may hang.
 *
 * @param path The path.
 * @param directory Where a relative path begins, by default the working directory.
 * @returns The file's status, or `undefined` if it cannot be reached.
 */
export async function awaitStatusAt(
  path: string,
  directory?: Fd,
): Promise<FileStatus | undefined> {
  const from = directory?.number ?? AT_FDCWD;
  const call = new StatusCall(from, path, AT_SYMLINK_NOFOLLOW);
  try {
    await callPatiently({
      operation: `examine ${JSON.stringify(path)}`,
      call: () => call.makeBlocking(),
      repeat: () => call.make(),
    });
  } catch {
    return undefined;
  }
  return call.status();
}

/** One call of statx(2), with its memory. */
class StatusCall {
  readonly #arguments: [number, Uint8Array, number, number, DataView];

  constructor(directory: number, path: string, flags: number) {
    const view = new DataView(new ArrayBuffer(STATX.size));
    const cPath = encodeCString(path);
    this.#arguments = [directory, cPath, flags, STATX_BASIC_STATS, view];
  }

  make(): number {
    return libc().statx(...this.#arguments);
  }

  makeBlocking(): Promise<number> {
    return libc().statx_blocking(...this.#arguments);
  }

  status(): FileStatus {
    const [, , , , view] = this.#arguments;
    const mode = view.getUint16(STATX.mode, true);
    return {
      type: TYPES.get(mode & S_IFMT) ?? "other",
      mode: mode & ~S_IFMT,
      uid: view.getUint32(STATX.uid, true),
      size: Number(view.getBigUint64(STATX.fileSize, true)),
      identity: [
        view.getUint32(STATX.deviceMajor, true),
        view.getUint32(STATX.deviceMinor, true),
        view.getBigUint64(STATX.inode, true),
      ].join(":"),
    };
  }
}
