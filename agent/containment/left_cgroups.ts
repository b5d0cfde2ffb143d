/**
 * Control groups whose sessions are over while something runs in them.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { OsError } from "../../ffi/errno.ts";
import { FileWatch, type WatchId } from "../../ffi/file_watch.ts";
import type { Cgroup } from "./cgroup.ts";

const logger = getLogger(["cocoon-agent", "cgroup"]);

/**
 * Removes control groups as soon as nothing runs in them. The kernel tells when
 * that is, so that those who are left behind for good cost nothing.
 */
export class LeftCgroups implements Disposable {
  readonly #groups = new Map<Cgroup, WatchId | undefined>();
  #watch: FileWatch | undefined;

  /**
   * Takes a group over.
   *
   * @param group The group, in which nothing is started any more but by those who
   * run there.
   */
  add(group: Cgroup): void {
    if (this.#remove(group)) return;
    this.#groups.set(group, this.#watchFor(group));
    // It may have ended just before it was watched.
    this.#removeEmpty();
  }

  /** Leaves those that are still there alone. */
  [Symbol.dispose](): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#groups.clear();
  }

  #watchFor(group: Cgroup): WatchId | undefined {
    try {
      if (this.#watch === undefined) {
        this.#watch = new FileWatch();
        this.#follow(this.#watch);
      }
      return this.#watch.add(`${group.path}/cgroup.events`);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      // Then it is removed when the next one is left.
      logger.debug("{error}", { error: error.message });
      return undefined;
    }
  }

  async #follow(watch: FileWatch): Promise<void> {
    while (await watch.changes()) this.#removeEmpty();
  }

  #removeEmpty(): void {
    for (const [group, id] of this.#groups) {
      if (!this.#remove(group)) continue;
      this.#groups.delete(group);
      if (id !== undefined) this.#watch?.remove(id);
    }
    if (this.#groups.size === 0) {
      this.#watch?.close();
      this.#watch = undefined;
    }
  }

  /** Whether it is gone, or as good as. */
  #remove(group: Cgroup): boolean {
    try {
      return group.remove();
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      logger.warn("{error}", { error: error.message });
      return true;
    }
  }
}
