/**
 * Being told that a file was modified, see inotify(7).
 *
 * @module
 */

import { IN_CLOEXEC, IN_MODIFY, IN_NONBLOCK, INOTIFY_EVENT } from "./abi.ts";
import { AsyncFd } from "./async_fd.ts";
import { encodeCString } from "./c_string.ts";
import { OsError } from "./errno.ts";
import { errno, libc } from "./libc.ts";

/** Identifies a file that is watched. */
export type WatchId = number;

/**
 * Stands for all files that are watched: there was no room for another event, so
 * the kernel doesn't tell which of them were modified meanwhile.
 */
export const ANY_WATCH: WatchId = -1;

/** Room for a hundred events of files, which have no names. */
const READ_BYTES = 100 * INOTIFY_EVENT.size;

/** Tells which of some files were modified. Closing it ends all of that. */
export class FileWatch implements Disposable {
  readonly #fd: AsyncFd;

  /**
   * @throws {OsError} If there is no descriptor left, or the user has too many of
   * these.
   */
  constructor() {
    const fd = libc().inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) throw new OsError(errno(), "watch files");
    this.#fd = new AsyncFd(fd);
  }

  /**
   * Watches one more file.
   *
   * @param path The file's path.
   * @returns What {@linkcode FileWatch.changes} calls it.
   * @throws {OsError} If it cannot be watched.
   */
  add(path: string): WatchId {
    const id = libc().inotify_add_watch(
      this.#fd.number,
      encodeCString(path),
      IN_MODIFY,
    );
    if (id < 0) throw new OsError(errno(), `watch "${path}"`);
    return id;
  }

  /**
   * Ends the watch of a file; one that is gone is no error.
   *
   * @param id What the file is called here.
   */
  remove(id: WatchId): void {
    libc().inotify_rm_watch(this.#fd.number, id);
  }

  /**
   * Waits until files were modified since the last call.
   *
   * @returns Those, and {@linkcode ANY_WATCH} for files that the kernel cannot
   * name; `undefined` when the watch was closed.
   * @throws {OsError} If the kernel cannot tell.
   */
  async changes(): Promise<WatchId[] | undefined> {
    const buffer = new Uint8Array(READ_BYTES);
    const view = new DataView(buffer.buffer);
    while (!this.#fd.closed) {
      const end = this.#fd.tryRead(buffer);
      if (end === null) {
        await this.#fd.readable();
        continue;
      }
      const ids: WatchId[] = [];
      for (let at = 0; at < end;) {
        ids.push(view.getInt32(at + INOTIFY_EVENT.watch, true));
        at += INOTIFY_EVENT.size +
          view.getUint32(at + INOTIFY_EVENT.nameLength, true);
      }
      return ids;
    }
    return undefined;
  }

  /** Ends it. */
  close(): void {
    this.#fd.close();
  }

  /** Ends it. */
  [Symbol.dispose](): void {
    this.close();
  }
}
