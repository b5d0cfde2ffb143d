/**
 * Control groups whose sessions are over while something is in them.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { Errno, OsError } from "../../ffi/errno.ts";
import { ANY_WATCH, FileWatch, type WatchId } from "../../ffi/file_watch.ts";
import { attempt } from "./attempt.ts";
import type { Cgroup } from "./cgroup.ts";
import { Turns } from "./turns.ts";

/**
 * How many steps are taken for one group before it is left as it is: each removes
 * one of the groups below, or goes one group down or up.
 */
const MAX_STEPS = 10_000;
/** How many of the groups that cannot be watched are looked at with each new one. */
const UNWATCHED_AT_ONCE = 2;
/** What may work later, when there are descriptors or memory again. */
const SHORTAGES: readonly number[] = [
  Errno.EMFILE,
  Errno.ENFILE,
  Errno.ENOMEM,
];

const logger = getLogger(["cocoon-agent", "cgroup"]);

/**
 * Removes control groups as soon as nothing runs in them, with the groups that
 * commands have made below. The kernel tells when that is, for each group alone: one
 * that is left behind for good costs nothing, however many there are.
 */
export class LeftCgroups implements Disposable {
  readonly #groups = new Map<Cgroup, WatchId | undefined>();
  readonly #watched = new Map<WatchId, Cgroup>();
  /** Groups to be looked at when later sessions end: no watch tells of them. */
  readonly #unwatched = new Set<Cgroup>();
  /** Groups to be looked at, each in its turn. */
  readonly #due = new Set<Cgroup>();
  #watch: FileWatch | undefined;
  #busy = false;
  #warned = false;

  /**
   * Takes a group over.
   *
   * @param group The group, in which nothing is started any more but by those who
   * run there.
   */
  add(group: Cgroup): void {
    // Most are empty, and gone by that.
    if (attempt(() => group.remove()) === false) this.#watchFor(group);
    // The one that is looked at goes to the end, unless it can be watched now.
    const others = [...this.#unwatched.values().take(UNWATCHED_AT_ONCE)];
    for (const other of others) this.#watchFor(other);
    this.#work();
  }

  /** Leaves those that are still there alone. */
  [Symbol.dispose](): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#groups.clear();
    this.#watched.clear();
    this.#unwatched.clear();
    this.#due.clear();
  }

  #watchFor(group: Cgroup): void {
    // Its last process may have ended just before it was watched.
    this.#due.add(group);
    this.#unwatched.delete(group);
    try {
      if (this.#watch === undefined) {
        this.#watch = new FileWatch();
        this.#follow(this.#watch);
      }
      const id = this.#watch.add(`${group.path}/cgroup.events`);
      this.#groups.set(group, id);
      this.#watched.set(id, group);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      this.#groups.set(group, undefined);
      this.#unwatched.add(group);
      if (this.#warned) return;
      this.#warned = true;
      logger.warn(
        "{error}; cgroups that are in use when their session ends are looked at when later ones end, {count} at a time: raise fs.inotify.max_user_watches and fs.inotify.max_user_instances",
        { error: error.message, count: UNWATCHED_AT_ONCE },
      );
    }
  }

  async #follow(watch: FileWatch): Promise<void> {
    try {
      for (;;) {
        const ids = await watch.changes();
        if (ids === undefined) return;
        for (const id of ids) {
          if (id === ANY_WATCH) {
            for (const group of this.#watched.values()) this.#due.add(group);
          }
          const group = this.#watched.get(id);
          if (group !== undefined) this.#due.add(group);
        }
        await this.#work();
      }
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      logger.warn("{error}", { error: error.message });
      watch.close();
      this.#watch = undefined;
      for (const group of this.#watched.values()) this.#unwatched.add(group);
      this.#watched.clear();
    }
  }

  /** Looks at those that are due, one after the other, unless that is under way. */
  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const turns = new Turns();
      for (const group of this.#due) {
        this.#due.delete(group);
        for (const _ of this.#settle(group)) {
          const turn = turns.step();
          if (turn === undefined) continue;
          await turn;
          // This may have been disposed of meanwhile.
          if (!this.#groups.has(group)) break;
        }
      }
    } finally {
      this.#busy = false;
    }
  }

  /** Removes a group step by step, unless something runs there. */
  *#settle(group: Cgroup): Generator<void> {
    try {
      for (let steps = 0;;) {
        yield;
        if (group.remove()) break;
        if (group.isPopulated()) return;
        for (const _ of group.removeChildren()) {
          yield;
          if (++steps < MAX_STEPS) continue;
          logger.warn(
            "Cannot remove {path}: after {steps} steps there are still groups below, which a command has made; remove them by rmdir, or restart the agent",
            { path: group.path, steps },
          );
          return this.#forget(group);
        }
      }
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      logger.warn("{error}", { error: error.message });
      if (SHORTAGES.includes(error.errno)) {
        this.#unwatched.add(group);
        return;
      }
    }
    this.#forget(group);
  }

  #forget(group: Cgroup): void {
    const id = this.#groups.get(group);
    this.#groups.delete(group);
    this.#unwatched.delete(group);
    if (id !== undefined) {
      this.#watched.delete(id);
      this.#watch?.remove(id);
    }
    if (this.#groups.size > 0) return;
    this.#watch?.close();
    this.#watch = undefined;
  }
}
