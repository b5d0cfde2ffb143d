/**
 * Ending a process that doesn't become its program.
 *
 * @module
 */

import { OsError } from "./errno.ts";
import { listFolders } from "./folder.ts";
import { libc } from "./libc.ts";
import type { StandardStreams } from "./posix_spawn.ts";
import { readLink } from "./read_link.ts";
import { readText } from "./read_file.ts";
import { signalNumber } from "./signals.ts";

/** Where the kernel lists this process's threads, see proc(5). */
const THREADS = "/proc/self/task";
/** Enough for the ids of thousands of children, in bytes. */
const MAX_BYTES = 65_536;

/**
 * Kills the child that was given these standard streams, and whose process id isn't
 * known because posix_spawn(3) hasn't returned. Where the kernel doesn't list
 * children (CONFIG_PROC_CHILDREN), nothing is killed.
 *
 * @param streams Its standard streams, which no other child has.
 * @returns Whether the child was found: it may not have its streams yet.
 */
export function killStarting(streams: StandardStreams): boolean {
  try {
    const stdin = typeof streams === "string"
      ? streams
      : readLink(`/proc/self/fd/${streams[0].number}`);
    const child = children().find((pid) => stdinOf(pid) === stdin);
    if (child === undefined) return false;
    libc().kill(Number(child), signalNumber("SIGKILL"));
    return true;
  } catch (error) {
    if (error instanceof OsError) return false;
    throw error;
  }
}

function children(): string[] {
  return [...listFolders(THREADS)].flatMap((thread) =>
    readText(`${THREADS}/${thread}/children`, MAX_BYTES).split(" ")
      .filter((pid) => pid !== "")
  );
}

function stdinOf(pid: string): string | undefined {
  try {
    return readLink(`/proc/${pid}/fd/0`);
  } catch (error) {
    if (error instanceof OsError) return undefined;
    throw error;
  }
}
