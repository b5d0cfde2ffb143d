/**
 * One control group, by the files of its folder.
 *
 * @module
 */

import { Errno, OsError } from "../../ffi/errno.ts";
import {
  emptyFolder,
  listFolders,
  makeFolder,
  removeFolder,
} from "../../ffi/folder.ts";
import { readText } from "../../ffi/read_file.ts";
import { writeFile } from "../../ffi/write_file.ts";
import type { ResourceUsage } from "../../protocol/mod.ts";
import type { ResourceLimits } from "./resource_limits.ts";

/** More than any file has but the list of many processes, which is cut. */
const MAX_BYTES = 4096;
/** The period of `cpu.max`, in microseconds: the kernel's own default. */
const CPU_PERIOD = 100_000;
/** The smallest part of it that the kernel takes. */
const MIN_CPU_QUOTA = 1000;

/**
 * A control group of version 2; see cgroups(7), and the kernel's
 * Documentation/admin-guide/cgroup-v2.rst for its files.
 */
export class Cgroup {
  /** The path of its folder. */
  readonly path: string;

  /**
   * @param path The path of its folder.
   */
  constructor(path: string) {
    this.path = path;
  }

  /** Its name. */
  get name(): string {
    return this.path.slice(this.path.lastIndexOf("/") + 1);
  }

  /**
   * Makes a group.
   *
   * @param name Its name.
   * @returns The group, below this one.
   * @throws {OsError} If it cannot be made, with `EEXIST` if there is one of that
   * name, whoever has made it.
   */
  make(name: string): Cgroup {
    const group = new Cgroup(`${this.path}/${name}`);
    makeFolder(group.path);
    return group;
  }

  /**
   * Makes a group, or takes the one of that name that is there.
   *
   * @param name Its name.
   * @returns The group, below this one.
   * @throws {OsError} If it cannot be made.
   */
  ensure(name: string): Cgroup {
    try {
      return this.make(name);
    } catch (error) {
      if (!isErrno(error, Errno.EEXIST)) throw error;
      return new Cgroup(`${this.path}/${name}`);
    }
  }

  /**
   * Lists the groups right below this one, piece by piece: there may be any number,
   * and more may be made meanwhile.
   *
   * @returns The groups.
   * @throws {OsError} If they cannot be listed.
   */
  *children(): Generator<Cgroup> {
    for (const name of listFolders(this.path)) {
      yield new Cgroup(`${this.path}/${name}`);
    }
  }

  /**
   * Lets the groups below this one be limited, by as many controllers as can.
   *
   * @param wanted The names of the controllers.
   * @returns Those that are there.
   * @throws {OsError} If this cannot be read.
   */
  enable(wanted: readonly string[]): string[] {
    const available = this.#read("cgroup.controllers").trim().split(" ");
    return wanted.filter((name) => {
      if (!available.includes(name)) return false;
      try {
        this.write("cgroup.subtree_control", `+${name}`);
        return true;
      } catch (error) {
        if (error instanceof OsError) return false;
        throw error;
      }
    });
  }

  /**
   * Moves a process here, with all of its threads. One that is gone is no error.
   *
   * @param pid The process.
   * @throws {OsError} If it cannot be moved.
   */
  take(pid: number): void {
    try {
      this.write("cgroup.procs", `${pid}`);
    } catch (error) {
      if (!isErrno(error, Errno.ESRCH)) throw error;
    }
  }

  /**
   * Lists the processes here, those of the groups below left out.
   *
   * @returns Their ids: not all, where there are more than some five hundred.
   * @throws {OsError} If they cannot be listed.
   */
  processes(): number[] {
    // The last line may be cut.
    return this.#read("cgroup.procs").split("\n").slice(0, -1).map(Number);
  }

  /**
   * Kills all processes here and in the groups below, also those that are being
   * started.
   *
   * @throws {OsError} If the group is gone, or the kernel is older than Linux
   * 5.14 (`ENOENT`).
   */
  kill(): void {
    this.write("cgroup.kill", "1");
  }

  /**
   * Sets the limits but that of processor time.
   *
   * @param limits The limits, for whose controllers this group has the files.
   * @throws {OsError} If the kernel doesn't take one.
   */
  limit({ memory, pids }: ResourceLimits): void {
    if (memory !== undefined) {
      this.write("memory.max", `${memory}`);
      // The limit is to be one, and a command that has lost one of its processes
      // is none that can be told from one that goes wrong.
      this.write("memory.oom.group", "1");
      this.#writeIfThere("memory.swap.max", "0");
    }
    if (pids !== undefined) this.write("pids.max", `${pids}`);
  }

  /**
   * Sets the limit of processor time.
   *
   * @param cpu How many processors' time. The group has the controller for it.
   * @throws {OsError} If the kernel doesn't take it.
   */
  limitCpu(cpu: number): void {
    const quota = Math.max(MIN_CPU_QUOTA, Math.round(cpu * CPU_PERIOD));
    this.write("cpu.max", `${quota} ${CPU_PERIOD}`);
  }

  /**
   * Returns what all that ran here has used.
   *
   * @returns The usage: what the kernel cannot tell is left out.
   * @throws {OsError} If the group is gone.
   */
  usage(): ResourceUsage {
    const cpu = valueOf("usage_usec", this.#read("cpu.stat"));
    // Since Linux 5.19.
    const peak = this.#readIfThere("memory.peak");
    const events = this.#readIfThere("memory.events");
    return {
      cpuMs: Math.round(cpu / 1000),
      ...(peak !== undefined && { peakMemoryBytes: Number(peak) }),
      ...(events !== undefined && { oomKills: oomKills(events) }),
    };
  }

  /**
   * Tells whether a process is here or in a group below.
   *
   * @returns Whether one is.
   * @throws {OsError} If the group is gone.
   */
  isPopulated(): boolean {
    return valueOf("populated", this.#read("cgroup.events")) !== 0;
  }

  /**
   * Removes the groups below this one, in which nothing runs.
   *
   * @returns The steps in which that is done, see {@linkcode emptyFolder}.
   * @throws {OsError} If one cannot be removed for another reason than that
   * something runs there.
   */
  removeChildren(): Generator<void> {
    return emptyFolder(this.path);
  }

  /**
   * Removes the group, if nothing runs here and there are no groups below.
   *
   * @returns Whether it is gone.
   * @throws {OsError} If it cannot be removed for another reason.
   */
  remove(): boolean {
    try {
      removeFolder(this.path);
      return true;
    } catch (error) {
      if (isErrno(error, Errno.ENOENT)) return true;
      if (isErrno(error, Errno.EBUSY, Errno.ENOTEMPTY)) return false;
      throw error;
    }
  }

  /**
   * Writes one of the group's files.
   *
   * @param name The file's name.
   * @param text What to write.
   * @throws {OsError} If the kernel doesn't take it.
   */
  write(name: string, text: string): void {
    writeFile(`${this.path}/${name}`, text);
  }

  #read(name: string): string {
    return readText(`${this.path}/${name}`, MAX_BYTES);
  }

  #readIfThere(name: string): string | undefined {
    return ifThere(() => this.#read(name));
  }

  #writeIfThere(name: string, text: string): void {
    ifThere(() => this.write(name, text));
  }
}

/** Does what needs a file that only some kernels or groups have. */
function ifThere<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (isErrno(error, Errno.ENOENT)) return undefined;
    throw error;
  }
}

/**
 * Returns how many processes lack of memory has killed. Where it kills a whole
 * group, the kernel counts the process that it has chosen once more as one of them.
 */
function oomKills(events: string): number {
  const kills = valueOf("oom_kill", events);
  return Math.max(
    kills - valueOf("oom_group_kill", events),
    Math.min(kills, 1),
  );
}

/** Returns a number from lines of names and numbers. */
function valueOf(name: string, lines: string): number {
  const [, value] = lines.match(new RegExp(`^${name} (\\d+)$`, "m")) ?? [];
  return Number(value ?? 0);
}

function isErrno(error: unknown, ...numbers: readonly number[]): boolean {
  return error instanceof OsError && numbers.includes(error.errno);
}
