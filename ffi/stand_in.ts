/**
 * What stands in the place of an output that this process was started without.
 *
 * @module
 */

import { F_GETFL, O_ACCMODE, O_RDWR } from "./abi.ts";
import { parentOf } from "./job.ts";
import { libc } from "./libc.ts";
import { realPath } from "./program.ts";

const NULL_DEVICE = "/dev/null";

/**
 * Programs that never give their children a /dev/null for reading and writing unless
 * they were told to: shells, for which `>/dev/null` is one for writing, and Deno.
 */
const PLAIN_PARENTS: ReadonlySet<string> = new Set([
  ...["sh", "ash", "bash", "dash", "fish", "ksh", "ksh93", "mksh", "zsh"],
  "deno",
]);

/**
 * Tells whether this process was started with a descriptor closed, as a shell does it
 * by `>&-`. The runtime opens /dev/null in its place before any script runs, and what
 * is written there would seem to have been read by somebody.
 *
 * Python and Node.js open /dev/null in the same way to throw output away, and nothing
 * tells the two apart but who started this process. In case of doubt the answer is no.
 *
 * @param fd The number of a descriptor.
 * @returns Whether it was.
 */
export function isStandIn(fd: number): boolean {
  const mode = libc().fcntl(fd, F_GETFL, 0) & O_ACCMODE;
  if (mode !== O_RDWR || pathOf("self", fd) !== NULL_DEVICE) return false;
  let parent = Deno.ppid;
  // A task runner of Deno's has a stand-in of its own, and hands it on.
  while (programOf(parent) === "deno" && pathOf(parent, fd) === NULL_DEVICE) {
    parent = parentOf(parent);
  }
  return PLAIN_PARENTS.has(programOf(parent)) &&
    pathOf(parent, fd) !== NULL_DEVICE;
}

/** Returns the name of a process's program, empty if it can't be told. */
function programOf(process: number): string {
  const path = pathOf(process, "exe") ?? "";
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Returns the path of a process's program, or of a file that it has open. */
function pathOf(
  process: number | "self",
  what: number | "exe",
): string | undefined {
  const entry = what === "exe" ? what : `fd/${what}`;
  try {
    return realPath(`/proc/${process}/${entry}`);
  } catch {
    // The parent has no path that can be read, or is another user's.
    return undefined;
  }
}
