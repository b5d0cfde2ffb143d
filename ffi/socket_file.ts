/**
 * The files of unix sockets.
 *
 * @module
 */

import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  S_IFMT,
  S_IFSOCK,
  STATX,
  STATX_TYPE_AND_INODE,
} from "./abi.ts";
import { encodeCString } from "./c_string.ts";
import { libc } from "./libc.ts";

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
  const status = new DataView(new ArrayBuffer(STATX.size));
  const result = libc().statx(
    AT_FDCWD,
    encodeCString(path),
    AT_SYMLINK_NOFOLLOW,
    STATX_TYPE_AND_INODE,
    status,
  );
  if (result < 0) return undefined;
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
 * Removes a socket file, unless its path has come to name another one.
 *
 * @param file The file.
 * @returns Whether it is gone.
 */
export function removeSocketFile(file: SocketFile): boolean {
  return findSocketFile(file.path)?.identity !== file.identity ||
    libc().unlink(encodeCString(file.path)) === 0;
}
