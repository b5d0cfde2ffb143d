/**
 * Running programs as child processes.
 *
 * @module
 */

import { encodeCString } from "./c_string.ts";
import { Child } from "./child.ts";
import { OsError } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import { openPipe, type Pipe } from "./pipe.ts";
import { type ProgramOptions, startProcess } from "./posix_spawn.ts";
import { openPty } from "./pty.ts";
import type { WindowSize } from "./terminal.ts";

/** What {@linkcode spawn} runs. */
export interface SpawnOptions extends ProgramOptions {
  /** Gives the child a terminal instead of pipes, in a session of its own. */
  terminal?: TerminalOptions;
}

/** The terminal of a child. */
export interface TerminalOptions {
  /** Its size. */
  size: WindowSize;
  /**
   * The id of the user that the terminal's file is given to, this process's by
   * default. A command that becomes another user opens the terminal by its path.
   */
  owner?: number;
}

/**
 * Runs a program with default signal dispositions, an empty signal mask and no
 * descriptors but its standard streams: pipes of 1 MiB in a process group of
 * its own, or a terminal that controls a session of its own.
 *
 * @param options What to run.
 * @returns The running child, to be closed by the caller.
 * @throws {OsError} If the program cannot be run: `ENOENT` (also when it is a
 * script whose interpreter is missing, or when the folder is), `EACCES`,
 * `ENOEXEC`, `E2BIG`, `EMFILE` and the like.
 * @throws {RangeError} If the terminal's size isn't whole numbers from 0 to
 * 65535.
 * @throws {TypeError} If an argument, a variable or the folder holds a NUL.
 */
export function spawn(options: SpawnOptions): Child {
  return options.terminal
    ? spawnOnTerminal(options, options.terminal)
    : spawnOnPipes(options);
}

function spawnOnPipes(options: ProgramOptions): Child {
  const pipes: Pipe[] = [];
  try {
    for (const direction of ["in", "out", "out"] as const) {
      pipes.push(openPipe(direction));
    }
    const [stdin, stdout, stderr] = pipes as [Pipe, Pipe, Pipe];
    const pid = startProcess(options, [
      stdin.child,
      stdout.child,
      stderr.child,
    ]);
    return new Child(pid, {
      stdin: stdin.own,
      stdout: stdout.own,
      stderr: stderr.own,
    });
  } catch (error) {
    for (const { own } of pipes) own.close();
    throw error;
  } finally {
    for (const { child } of pipes) child.close();
  }
}

function spawnOnTerminal(
  options: ProgramOptions,
  { size, owner }: TerminalOptions,
): Child {
  const { master, path } = openPty(size);
  try {
    if (owner !== undefined) giveTo(owner, path);
    const pid = startProcess(options, path);
    return new Child(pid, master);
  } catch (error) {
    master.close();
    throw error;
  }
}

/** As chown(2) takes it: stays as it is. */
const SAME_GROUP = 0xffffffff;

function giveTo(owner: number, path: string): void {
  if (libc().chown(encodeCString(path), owner, SAME_GROUP) < 0) {
    throw new OsError(errno(), `give ${path} to user ${owner}`);
  }
}
