/**
 * Starting this process over, see execve(2).
 *
 * @module
 */

import { decodeText, encodeCString, encodeCStringArray } from "./c_string.ts";
import { OsError } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import { realPath } from "./program.ts";
import { readWhole } from "./read_file.ts";

/** What the kernel takes at most, see execve(2). */
const MAX_ARGS_BYTES = 6 * 1024 * 1024;

/**
 * Returns the arguments that this process was started with, its name first. Bytes
 * that aren't UTF-8, in the place of which Deno returns U+FFFD, are kept, see
 * `decodeText`.
 *
 * @returns The arguments.
 * @throws {OsError} If /proc isn't there.
 */
export function ownArguments(): string[] {
  const bytes = readWhole("/proc/self/cmdline", MAX_ARGS_BYTES);
  return decodeText(bytes).split("\0").slice(0, -1);
}

/**
 * Returns the file that this process runs.
 *
 * @returns Its path.
 * @throws {OsError} If it isn't there any more.
 */
export function ownProgram(): string {
  return realPath("/proc/self/exe");
}

/**
 * Runs this process's program again in its place, with the same arguments. It
 * stays the same process to others; what it has in memory, its threads and its
 * descriptors end.
 *
 * @param env The whole environment.
 * @throws {OsError} If the program cannot be run: nothing has changed then.
 */
export function restart(env: Readonly<Record<string, string>>): never {
  const program = ownProgram();
  const argv = ownArguments();
  const variables = Object.entries(env).map(([name, value]) =>
    `${name}=${value}`
  );
  libc().execve(
    encodeCString(program),
    encodeCStringArray(argv),
    encodeCStringArray(variables),
  );
  throw new OsError(errno(), `start ${JSON.stringify(program)} over`);
}
