/**
 * Child processes.
 *
 * @module
 */

import {
  CLD_EXITED,
  P_PID,
  POSIX_SPAWN_SETPGROUP,
  POSIX_SPAWN_SETSIGDEF,
  POSIX_SPAWN_SETSIGMASK,
  SIGINFO,
  SIZE_OF,
  SYS_pidfd_open,
  WEXITED,
  WNOHANG,
  WNOWAIT,
} from "./abi.ts";
import { AsyncFd } from "./async_fd.ts";
import { encodeCString, encodeCStringArray } from "./c_string.ts";
import { OsError } from "./errno.ts";
import type { Fd } from "./fd.ts";
import { readableFromFd, writableFromFd } from "./fd_streams.ts";
import { errno, libc } from "./libc.ts";
import { openPipe, type Pipe } from "./pipe.ts";
import { signalName, signalNumber } from "./signals.ts";

/** What {@linkcode spawn} runs. */
export interface SpawnOptions {
  /** The file to execute, as {@linkcode findProgram} returns it. */
  program: string;
  /** The arguments, the program's name first. */
  argv: readonly string[];
  /** The whole environment. */
  env: Readonly<Record<string, string>>;
  /** The working directory, this process's by default. */
  cwd?: string;
}

/** How a child ended. */
export interface ChildStatus {
  /** The exit code, or 128 + n for the signal n. */
  readonly code: number;
  /** The name of the signal that ended the child, if one did. */
  readonly signal: string | undefined;
}

/**
 * A child process that leads a process group of its own, with its standard
 * streams on pipes.
 *
 * The child is reaped by {@linkcode Child.close} alone. Until then its process
 * id and its group's belong to nobody else, so that signals cannot go astray,
 * also when the child ended long ago and left others in its group.
 */
export class Child implements Disposable {
  /** The process id, which is the process group's too. */
  readonly pid: number;
  /** The child's standard input. */
  readonly stdin: WritableStream<Uint8Array>;
  /** The child's standard output. */
  readonly stdout: ReadableStream<Uint8Array>;
  /** The child's standard error. */
  readonly stderr: ReadableStream<Uint8Array>;
  /** Resolves when the child has ended. */
  readonly status: Promise<ChildStatus>;
  readonly #pidfd: AsyncFd;
  readonly #pipes: readonly AsyncFd[];
  readonly #drain = new AbortController();
  #closed = false;
  #reaped: ChildStatus | undefined;

  /**
   * @param pid The child, a group leader.
   * @param pidfd Its file descriptor, see pidfd_open(2).
   * @param pipes This process's ends of its pipes.
   */
  constructor(
    pid: number,
    pidfd: AsyncFd,
    pipes: Readonly<Record<"stdin" | "stdout" | "stderr", AsyncFd>>,
  ) {
    const drain = this.#drain.signal;
    this.pid = pid;
    this.stdin = writableFromFd(pipes.stdin);
    this.stdout = readableFromFd(pipes.stdout, { drain });
    this.stderr = readableFromFd(pipes.stderr, { drain });
    this.#pidfd = pidfd;
    this.#pipes = [pipes.stdin, pipes.stdout, pipes.stderr];
    this.status = this.#wait();
    // Whoever never asks must not bring the process down.
    this.status.catch(() => {});
  }

  /**
   * Sends a signal to every process of the child's group; a group without a
   * process is no error.
   *
   * @param signal The signal's name.
   */
  killGroup(signal: Deno.Signal): void {
    if (!this.#reaped) libc().kill(-this.pid, signalNumber(signal));
  }

  /**
   * Ends {@linkcode Child.stdout} and {@linkcode Child.stderr} with what is in
   * the pipes by now, whoever still holds the other ends.
   */
  drain(): void {
    this.#drain.abort();
  }

  /**
   * Closes the pipes and reaps the child. A child that still runs is killed with
   * its group, and reaped when it is gone, without holding anybody up.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const pipe of this.#pipes) pipe.close();
    if (waitForExit(this.pid, WNOHANG | WNOWAIT)) this.#reap();
    else this.killGroup("SIGKILL");
  }

  /** Closes the child as {@linkcode Child.close} does. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #wait(): Promise<ChildStatus> {
    for (;;) {
      const status = waitForExit(this.pid, WNOHANG | WNOWAIT);
      if (status) {
        if (this.#closed) this.#reap();
        return status;
      }
      await this.#pidfd.readable();
      // The process id may be another's by now.
      if (this.#reaped) return this.#reaped;
    }
  }

  #reap(): void {
    if (this.#reaped) return;
    this.#reaped = waitForExit(this.pid, WNOHANG);
    this.#pidfd.close();
  }
}

/** Returns how a child ended, or `undefined` if it hasn't; see waitid(2). */
function waitForExit(pid: number, flags: number): ChildStatus | undefined {
  const info = new Int32Array(SIGINFO.size / 4);
  if (libc().waitid(P_PID, pid, info, WEXITED | flags) < 0) {
    throw new OsError(errno(), `wait for process ${pid}`);
  }
  if (info[SIGINFO.pid / 4] !== pid) return undefined;
  const status = info[SIGINFO.status / 4]!;
  return info[SIGINFO.code / 4] === CLD_EXITED
    ? { code: status, signal: undefined }
    : { code: 128 + status, signal: signalName(status) };
}

/**
 * Runs a program in a process group of its own, with default signal
 * dispositions, an empty signal mask, pipes of 1 MiB as its standard streams
 * and no other descriptor; see posix_spawn(3).
 *
 * @param options What to run.
 * @returns The running child, to be closed by the caller.
 * @throws {OsError} If the program cannot be run: `ENOENT` (also when it is a
 * script whose interpreter is missing), `EACCES`, `ENOEXEC`, `E2BIG`, `EMFILE`
 * and the like.
 * @throws {TypeError} If an argument, a variable or the folder holds a NUL.
 */
export function spawn(options: SpawnOptions): Child {
  const argv = encodeCStringArray(options.argv);
  const env = encodeCStringArray(
    Object.entries(options.env).map(([name, value]) => `${name}=${value}`),
  );
  const pipes: Pipe[] = [];
  try {
    for (const direction of ["in", "out", "out"] as const) {
      pipes.push(openPipe(direction));
    }
    const pid = start(options, argv, env, pipes.map(({ child }) => child));
    const [stdin, stdout, stderr] = pipes.map(({ own }) => own);
    return new Child(pid, openPidfd(pid), {
      stdin: stdin!,
      stdout: stdout!,
      stderr: stderr!,
    });
  } catch (error) {
    for (const { own } of pipes) own.close();
    throw error;
  } finally {
    for (const { child } of pipes) child.close();
  }
}

function start(
  options: SpawnOptions,
  argv: Uint8Array,
  env: Uint8Array,
  stdio: readonly Fd[],
): number {
  const c = libc();
  const program = encodeCString(options.program);
  const cwd = options.cwd === undefined
    ? undefined
    : encodeCString(options.cwd);
  const pid = new Int32Array(1);
  const actions = new Uint8Array(SIZE_OF.posixSpawnFileActions);
  check(c.posix_spawn_file_actions_init(actions));
  try {
    stdio.forEach((fd, number) =>
      check(c.posix_spawn_file_actions_adddup2(actions, fd.number, number))
    );
    check(c.posix_spawn_file_actions_addclosefrom_np(actions, stdio.length));
    if (cwd) check(c.posix_spawn_file_actions_addchdir_np(actions, cwd));
    const attributes = spawnAttributes();
    const result = c.posix_spawn(pid, program, actions, attributes, argv, env);
    if (result !== 0) {
      throw new OsError(result, `run ${JSON.stringify(options.argv[0])}`);
    }
    return pid[0]!;
  } finally {
    c.posix_spawn_file_actions_destroy(actions);
  }
}

/** Memory may be short: a child must not start with half of its settings. */
function check(result: number): void {
  if (result !== 0) throw new OsError(result, "prepare a process");
}

let attributes: Uint8Array | undefined;

/** Every child's attributes are the same, so they are made once. */
function spawnAttributes(): Uint8Array {
  if (attributes) return attributes;
  const c = libc();
  const made = new Uint8Array(SIZE_OF.posixSpawnAttributes);
  const signals = new Uint8Array(SIZE_OF.sigset);
  const flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
    POSIX_SPAWN_SETSIGMASK;
  check(c.posix_spawnattr_init(made));
  check(c.posix_spawnattr_setflags(made, flags));
  check(c.posix_spawnattr_setpgroup(made, 0));
  c.sigfillset(signals);
  check(c.posix_spawnattr_setsigdefault(made, signals));
  c.sigemptyset(signals);
  check(c.posix_spawnattr_setsigmask(made, signals));
  return attributes = made;
}

function openPidfd(pid: number): AsyncFd {
  const result = libc().syscall(BigInt(SYS_pidfd_open), pid, 0);
  if (result >= 0) return new AsyncFd(result);
  const code = errno();
  // Nobody could wait for this child, so it must not stay.
  libc().kill(-pid, signalNumber("SIGKILL"));
  waitForExit(pid, 0);
  throw new OsError(code, `watch process ${pid}`);
}
