/**
 * The files of unix sockets.
 *
 * @module
 */

import { encodeCString } from "./c_string.ts";
import { type FileType, statusAt } from "./file_status.ts";
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
  const status = statusAt(path);
  return status?.type === "socket"
    ? { path, identity: status.identity }
    : undefined;
}

/**
 * Tells what kind of file a path leads to.
 *
 * @param path The path.
 * @returns The kind, or `undefined` if it leads nowhere, or that cannot be told.
 */
export function fileKind(path: string): FileKind | undefined {
  const type = statusAt(path, { follow: true })?.type;
  return type && KINDS[type];
}

const KINDS: Readonly<Record<FileType, FileKind>> = {
  directory: "folder",
  file: "plain file",
  socket: "socket",
  link: "other",
  other: "other",
};

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
