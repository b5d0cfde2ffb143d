/**
 * What /proc tells of processes, see proc(5).
 *
 * @module
 */

import { AT_ONCE, until } from "./_bounded.ts";

/** One process, from /proc/PID/stat. */
export interface ProcessStat {
  /** Its process id. */
  readonly pid: number;
  /** The name of its program. */
  readonly name: string;
  /** Its state: `R`, `S`, `Z` for a zombie. */
  readonly state: string;
  /** Its parent. */
  readonly parent: number;
  /** Its process group. */
  readonly group: number;
  /** The processor time that it has spent, ended threads included, in seconds. */
  readonly time: number;
}

/** How long a tick of a process's time is, in seconds: USER_HZ is 100. */
const TICK = 0.01;

/**
 * Looks a process up.
 *
 * @param pid The process.
 * @returns What is known of it, or `undefined` if there is no such process.
 */
export function processStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
  // The name may hold anything, parentheses too.
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  const [state, parent, group] = fields;
  return {
    pid,
    name: text.slice(text.indexOf("(") + 1, end),
    state: state!,
    parent: Number(parent),
    group: Number(group),
    time: (Number(fields[11]) + Number(fields[12])) * TICK,
  };
}

/**
 * Lists the children of a process, zombies included.
 *
 * @param pid The process.
 */
export function childrenOf(pid: number): ProcessStat[] {
  return processes().filter(({ parent }) => parent === pid);
}

/**
 * Lists the processes of a group that still run. A zombie has ended: nothing is
 * left of it but what its parent may want to know.
 *
 * @param group The process group.
 */
export function membersOf(group: number): ProcessStat[] {
  return processes().filter((process) =>
    process.group === group && process.state !== "Z"
  );
}

/**
 * Lists the descriptors of a process that have no path: its pipes, sockets and
 * the like. Files the runtime opens and closes whenever it wants to.
 *
 * @param pid The process.
 * @returns What each descriptor refers to, such as `3: pipe:[4711]`.
 */
export function openDescriptors(pid: number | "self"): string[] {
  const folder = `/proc/${pid}/fd`;
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name }) => {
    try {
      const file = Deno.readLinkSync(`${folder}/${name}`);
      return file.startsWith("/") ? [] : `${name}: ${file}`;
    } catch (error) {
      if (isGone(error)) return [];
      throw error;
    }
  });
}

/**
 * Returns how much memory of a process is resident, in bytes.
 *
 * @param pid The process.
 */
export function residentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(status.match(/^VmRSS:\s+(\d+) kB$/m)![1]) * 1024;
}

/**
 * Returns how many bytes a process has written so far, to whatever file.
 *
 * @param pid The process.
 */
export function writtenBytes(pid: number): number {
  const io = Deno.readTextFileSync(`/proc/${pid}/io`);
  return Number(io.match(/^wchar: (\d+)$/m)![1]);
}

function processes(): ProcessStat[] {
  return Array.from(Deno.readDirSync("/proc"))
    .filter(({ name }) => /^\d+$/.test(name))
    .flatMap(({ name }) => processStat(Number(name)) ?? []);
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    // ESRCH, which has no class of its own.
    (error instanceof Error && /os error 3\b/.test(error.message));
}

/** Checks that nothing of a process group runs any more, or will in a moment. */
export async function assertKilled(group: number): Promise<void> {
  await until(
    () => membersOf(group).length === 0,
    () => `the end of ${JSON.stringify(membersOf(group))}`,
    AT_ONCE,
  );
}
