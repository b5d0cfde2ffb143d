/**
 * Running programs as child processes.
 *
 * @module
 */

import { BlockingCalls } from "./blocking_calls.ts";
import { encodeCString } from "./c_string.ts";
import { Child } from "./child.ts";
import { OsError } from "./errno.ts";
import { killStarting } from "./kill_starting.ts";
import { errno, libc } from "./libc.ts";
import { openPipe, type Pipe } from "./pipe.ts";
import {
  type ProgramOptions,
  type StandardStreams,
  startProcess,
  startProcessElsewhere,
} from "./posix_spawn.ts";
import { openPty } from "./pty.ts";
import type { WindowSize } from "./terminal.ts";

/** What {@linkcode spawn} runs. */
export interface SpawnOptions extends ProgramOptions {
  /**
   * The size of the terminal that the child gets instead of pipes, in a session of
   * its own.
   */
  terminal?: WindowSize;
  /**
   * The id of the user that the terminal or the pipes are given to, this process's
   * by default. A command that becomes another user opens them by their paths, such
   * as `/dev/tty` and `/dev/stdout`.
   */
  owner?: number;
}

/**
 * Runs a program with default signal dispositions, an empty signal mask and no
 * descriptors but its standard streams: pipes of 1 MiB in a process group of
 * its own, or a terminal that controls a session of its own.
 *
 * This process waits until the program has begun. Where that may take long, see
 * {@linkcode spawnElsewhere}.
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
  const stdio = openStdio(options);
  try {
    return stdio.connect(startProcess(options, stdio.streams));
  } catch (error) {
    stdio.close();
    throw error;
  } finally {
    stdio.closeStreams();
  }
}

/** Executing a file waits for its file system, whose server may be gone. */
const starts = new BlockingCalls({ max: 8, timeout: 5000 });

/**
 * Runs a program as {@linkcode spawn} does, and holds nobody up until it has begun.
 * A program that hasn't begun within a few seconds never will: its process is
 * killed.
 *
 * @param options What to run.
 * @param signal Ends the wait, and the process with it.
 * @returns The running child, to be closed by the caller.
 * @throws {OsError} As {@linkcode spawn}; `ETIMEDOUT` if the program doesn't begin
 * in time, `EAGAIN` if too many others don't.
 * @throws {RangeError} As {@linkcode spawn}.
 * @throws {TypeError} As {@linkcode spawn}.
 * @throws The reason of the signal, if that is aborted meanwhile.
 */
export async function spawnElsewhere(
  options: SpawnOptions,
  signal?: AbortSignal,
): Promise<Child> {
  const stdio = openStdio(options);
  let state: "waiting" | "starting" | "over" = "waiting";
  async function start(): Promise<Child> {
    state = "starting";
    try {
      return stdio.connect(
        await startProcessElsewhere(options, stdio.streams),
      );
    } catch (error) {
      stdio.close();
      throw error;
    } finally {
      state = "over";
      stdio.closeStreams();
    }
  }
  try {
    return await starts.run(`run ${JSON.stringify(options.argv[0])}`, start, {
      onLate: (child) => child.close(),
      signal,
    });
  } catch (error) {
    if (state === "waiting") {
      stdio.close();
      stdio.closeStreams();
    } else {
      endStarting(() => state === "over" || killStarting(stdio.streams));
    }
    throw error;
  }
}

/** How often a child is looked for that hasn't begun, with pauses twice as long each. */
const KILL_TRIES = 10;
/** The first such pause, in milliseconds. */
const KILL_PAUSE = 20;

/** Tries to end a child until that has been done, but not for ever. */
function endStarting(tryToEnd: () => boolean, tries = 0): void {
  if (tryToEnd() || tries === KILL_TRIES) return;
  setTimeout(() => endStarting(tryToEnd, tries + 1), KILL_PAUSE * 2 ** tries);
}

/** A child's standard streams, before there is the child. */
interface Stdio {
  /** The child's ends. */
  readonly streams: StandardStreams;
  /** Makes a child of a process that has them; it owns this process's ends. */
  connect(pid: number): Child;
  /** Closes this process's ends. */
  close(): void;
  /** Closes the child's ends, once the process has them or there is none. */
  closeStreams(): void;
}

function openStdio({ terminal, owner }: SpawnOptions): Stdio {
  const stdio = terminal ? openTerminal(terminal) : openPipes();
  try {
    if (owner !== undefined) giveTo(owner, stdio.streams);
    return stdio;
  } catch (error) {
    stdio.close();
    stdio.closeStreams();
    throw error;
  }
}

function openPipes(): Stdio {
  const pipes: Pipe[] = [];
  const close = () => pipes.forEach(({ own }) => own.close());
  const closeStreams = () => pipes.forEach(({ child }) => child.close());
  try {
    for (const direction of ["in", "out", "out"] as const) {
      pipes.push(openPipe(direction));
    }
  } catch (error) {
    close();
    closeStreams();
    throw error;
  }
  const [stdin, stdout, stderr] = pipes as [Pipe, Pipe, Pipe];
  return {
    streams: [stdin.child, stdout.child, stderr.child],
    connect: (pid) =>
      new Child(pid, {
        stdin: stdin.own,
        stdout: stdout.own,
        stderr: stderr.own,
      }),
    close,
    closeStreams,
  };
}

function openTerminal(size: WindowSize): Stdio {
  const { master, path } = openPty(size);
  return {
    streams: path,
    connect: (pid) => new Child(pid, master),
    close: () => master.close(),
    // A process opens the terminal by its path.
    closeStreams: () => {},
  };
}

/** As chown(2) takes it: stays as it is. */
const SAME_GROUP = 0xffffffff;

function giveTo(owner: number, streams: StandardStreams): void {
  const c = libc();
  const what = `give standard streams to user ${owner}`;
  if (typeof streams === "string") {
    if (c.chown(encodeCString(streams), owner, SAME_GROUP) === 0) return;
    throw new OsError(errno(), what);
  }
  for (const fd of streams) {
    if (c.fchown(fd.number, owner, SAME_GROUP) === 0) continue;
    throw new OsError(errno(), what);
  }
}
