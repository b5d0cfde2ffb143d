/**
 * Files that say what this process may do.
 *
 * @module
 */

import { O_NONBLOCK, O_RDONLY, S_IWGRP, S_IWOTH } from "./abi.ts";
import { Fd } from "./fd.ts";
import { statusOf } from "./file_status.ts";
import { readBytes } from "./read_file.ts";
import { effectiveUserId } from "./system.ts";

/** Thrown when a file isn't one to be trusted. */
export class UntrustedFileError extends Error {
  override readonly name = "UntrustedFileError";
}

/**
 * Reads a whole file that nobody can have written but root and this process's own
 * user. Who may write to its folder can put another file there; that isn't looked
 * at.
 *
 * @param path The file's path.
 * @param maxBytes How large it may be, in bytes.
 * @returns Its bytes.
 * @throws {UntrustedFileError} If others own it or may write to it, if it isn't a
 * regular file, or if it is too large.
 * @throws {OsError} If it cannot be opened or read.
 */
export function readTrustedFile(path: string, maxBytes: number): Uint8Array {
  const quoted = JSON.stringify(path);
  const refuse = (reason: string): never => {
    throw new UntrustedFileError(`Cannot trust ${quoted}: ${reason}`);
  };
  // A pipe without a writer would hold this process up.
  using file = Fd.open(path, O_RDONLY | O_NONBLOCK);
  const { type, mode, uid } = statusOf(file);
  if (type !== "file") refuse("it is no regular file");
  if (uid !== 0 && uid !== effectiveUserId()) {
    refuse(
      `it belongs to uid ${uid}; make it root's, or that of the user who reads it, with chown`,
    );
  }
  if ((mode & (S_IWGRP | S_IWOTH)) !== 0) {
    refuse(
      "its group or others may write to it; take that away with chmod go-w",
    );
  }
  const bytes = readBytes(file, maxBytes + 1);
  if (bytes.length > maxBytes) refuse(`it has more than ${maxBytes} bytes`);
  return bytes;
}
