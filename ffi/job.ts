/**
 * This process as a job of the shell that started it.
 *
 * @module
 */

import { libc } from "./libc.ts";
import { readText } from "./read_file.ts";
import { signalNumber } from "./signals.ts";

/**
 * Tells whether there is a shell that would notice that this process's group was
 * stopped, and could continue it. Without one the group is an orphaned one, see
 * setpgid(2), and the kernel itself would not stop it by SIGTSTP.
 *
 * @returns Whether there is one.
 * @throws {OsError} If /proc isn't there.
 */
export function isJob(): boolean {
  const c = libc();
  const group = c.getpgrp();
  let parent = Deno.ppid;
  while (parent > 0 && c.getpgid(parent) === group) parent = parentOf(parent);
  return parent > 0 && c.getsid(parent) === c.getsid(0);
}

/**
 * Asks for a process's parent, see proc_pid_stat(5).
 *
 * @param pid The process.
 * @returns The parent, 0 if it is none in this namespace.
 * @throws {OsError} If there is no such process.
 */
export function parentOf(pid: number): number {
  const stat = readText(`/proc/${pid}/stat`, 512);
  // The name before the parenthesis may hold anything.
  const [, , parent] = stat.slice(stat.lastIndexOf(")")).split(" ");
  return Number(parent);
}

/**
 * Stops this process's whole group, which is what a shell calls a job, until
 * somebody continues it.
 */
export function stopJob(): void {
  libc().kill(0, signalNumber("SIGSTOP"));
}
