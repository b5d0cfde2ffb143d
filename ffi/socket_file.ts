/**
 * The files of unix sockets.
 *
 * @module
 */

import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  STATX,
  STATX_TYPE_AND_INODE,
} from "./abi.ts";
import { encodeCString } from "./c_string.ts";
import { libc } from "./libc.ts";

/** What can stand in the place of a socket. */
export type FileKind = "folder" | "plain file" | "socket" | "other";

/** One particular socket file, whatever its path comes to name later. */
export interface SocketFile {
  /** Its path. */
  readonly path: string;
  /** Its device and inode. */
  readonly identity: string;
}

/**
 * Looks a socket file up, without following a symbolic link.
 *
 * @param path The file's path.
 * @returns The file, or `undefined` if there is none or it is no socket.
 */
export function findSocketFile(path: string): SocketFile | undefined {
  const status = fileStatus(path, AT_SYMLINK_NOFOLLOW);
  if (status === undefined) return undefined;
  const mode = status.getUint16(STATX.mode, true);
  if ((mode & S_IFMT) !== S_IFSOCK) return undefined;
  const identity = [
    status.getUint32(STATX.deviceMajor, true),
    status.getUint32(STATX.deviceMinor, true),
    status.getBigUint64(STATX.inode, true),
  ].join(":");
  return { path, identity };
}

/**
 * Tells what kind of file a path leads to.
 *
 * @param path The path.
 * @returns The kind, or `undefined` if it leads nowhere, or that cannot be told.
 */
export function fileKind(path: string): FileKind | undefined {
  const mode = fileStatus(path, 0)?.getUint16(STATX.mode, true);
  switch (mode && mode & S_IFMT) {
    case undefined:
      return undefined;
    case S_IFDIR:
      return "folder";
    case S_IFREG:
      return "plain file";
    case S_IFSOCK:
      return "socket";
    default:
      return "other";
  }
}

function fileStatus(path: string, flags: number): DataView | undefined {
  const status = new DataView(new ArrayBuffer(STATX.size));
  const result = libc().statx(
    AT_FDCWD,
    encodeCString(path),
    flags,
    STATX_TYPE_AND_INODE,
    status,
  );
  return result < 0 ? undefined : status;
}

/**
 * Removes a socket file, unless its path has come to name another one.
 *
 * @param file The file.
 * @returns Whether it is gone.
 */
export function removeSocketFile(file: SocketFile): boolean {
  return findSocketFile(file.path)?.identity !== file.identity ||
    libc().unlink(encodeCString(file.path)) === 0;
}
