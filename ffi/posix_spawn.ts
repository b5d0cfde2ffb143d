/**
 * Starting a process, see posix_spawn(3).
 *
 * @module
 */

import {
  O_PATH,
  O_RDWR,
  POSIX_SPAWN_SETCGROUP,
  POSIX_SPAWN_SETPGROUP,
  POSIX_SPAWN_SETSID,
  POSIX_SPAWN_SETSIGDEF,
  POSIX_SPAWN_SETSIGMASK,
  SIZE_OF,
} from "./abi.ts";
import { encodeCString, encodeCStringArray } from "./c_string.ts";
import { Errno, OsError } from "./errno.ts";
import type { Fd } from "./fd.ts";
import { libc } from "./libc.ts";
import { reap } from "./wait.ts";

/** What {@linkcode startProcess} runs. */
export interface ProgramOptions {
  /** The file to execute, as `findProgram` returns it. */
  program: string;
  /** The arguments, the program's name first. */
  argv: readonly string[];
  /** The whole environment. */
  env: Readonly<Record<string, string>>;
  /** The working directory, this process's by default. */
  cwd?: string;
  /**
   * The folder of the control group that it starts in, this process's own by
   * default. It takes what {@linkcode canStartInCgroup} looks for.
   */
  cgroup?: Fd;
}

/**
 * What becomes a process's standard streams: three descriptors, or a terminal by
 * its path.
 */
export type StandardStreams = readonly [Fd, Fd, Fd] | string;

/**
 * Starts a process with default signal dispositions, an empty signal mask and
 * no descriptors but its standard streams. It leads a process group of its own;
 * with a terminal, a session too, which the terminal controls.
 *
 * This waits until the process has become its program, which takes for ever where
 * the program's file system doesn't answer; see
 * {@linkcode startProcessElsewhere}.
 *
 * @param options What to run.
 * @param streams Its standard streams.
 * @returns Its process id, which is its process group's too.
 * @throws {OsError} If the program cannot be run.
 * @throws {TypeError} If an argument, a variable or the folder holds a NUL.
 */
export function startProcess(
  options: ProgramOptions,
  streams: StandardStreams,
): number {
  using call = new SpawnCall(options, streams);
  return call.pid(libc().posix_spawn(...call.arguments));
}

/**
 * Starts a process as {@linkcode startProcess} does, while a thread of the runtime's
 * pool waits until it has become its program.
 *
 * @param options What to run.
 * @param streams Its standard streams, which must stay open meanwhile.
 * @returns Its process id, which is its process group's too.
 * @throws {OsError} If the program cannot be run.
 * @throws {TypeError} If an argument, a variable or the folder holds a NUL.
 */
export async function startProcessElsewhere(
  options: ProgramOptions,
  streams: StandardStreams,
): Promise<number> {
  using call = new SpawnCall(options, streams, makeAttributes());
  return call.pid(await libc().posix_spawn_blocking(...call.arguments));
}

/** What one call of posix_spawn(3) is given. */
class SpawnCall implements Disposable {
  /** The arguments of the call. */
  readonly arguments: Parameters<ReturnType<typeof libc>["posix_spawn"]>;
  readonly #name: string | undefined;
  readonly #pid = new Int32Array(1);
  readonly #actions = new Uint8Array(SIZE_OF.posixSpawnFileActions);

  constructor(
    options: ProgramOptions,
    streams: StandardStreams,
    attributes: Uint8Array<ArrayBuffer> = cachedAttributes(),
  ) {
    const { program, argv, env, cwd, cgroup } = options;
    this.#name = argv[0];
    const cProgram = encodeCString(program);
    const cArgv = encodeCStringArray(argv);
    const cEnv = encodeCStringArray(
      Object.entries(env).map(([name, value]) => `${name}=${value}`),
    );
    const kind = typeof streams === "string"
      ? POSIX_SPAWN_SETSID
      : POSIX_SPAWN_SETPGROUP;
    setKind(attributes, kind, cgroup);
    check(libc().posix_spawn_file_actions_init(this.#actions));
    try {
      addActions(this.#actions, streams, cwd);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
    this.arguments = [
      ...[this.#pid, cProgram, this.#actions, attributes] as const,
      ...[cArgv, cEnv] as const,
    ];
  }

  /** Returns the process id that the call has left, unless it has failed. */
  pid(result: number): number {
    if (result === 0) return this.#pid[0]!;
    throw new OsError(result, `run ${JSON.stringify(this.#name)}`);
  }

  [Symbol.dispose](): void {
    libc().posix_spawn_file_actions_destroy(this.#actions);
  }
}

/**
 * Finds out on another thread why a file cannot be opened: a process that is never
 * to run tries it, because a failed call's errno stays on the thread of the call.
 *
 * @param path The file's path.
 * @returns The errno, or 0 if the file can be opened.
 * @throws {OsError} If memory is short.
 */
export async function probeOpen(path: string): Promise<number> {
  const c = libc();
  const pid = new Int32Array(1);
  const actions = new Uint8Array(SIZE_OF.posixSpawnFileActions);
  const nothing = encodeCString("");
  const none = encodeCStringArray([]);
  check(c.posix_spawn_file_actions_init(actions));
  try {
    check(c.posix_spawn_file_actions_addopen(
      ...[actions, 0, encodeCString(path), O_PATH, 0] as const,
    ));
    const result = await c.posix_spawn_blocking(
      ...[pid, nothing, actions, null, none, none] as const,
    );
    // No program has an empty name, so that is what fails if nothing else does.
    if (result === 0) reap(pid[0]!);
    return result === Errno.ENOENT ? 0 : result;
  } finally {
    c.posix_spawn_file_actions_destroy(actions);
  }
}

/**
 * Tells whether processes can be started in other control groups than this
 * process's: it takes glibc 2.39, and clone3(2) of Linux 5.7 that no filter of
 * system calls refuses.
 *
 * @param cgroup The folder of such a group.
 * @returns Whether they can.
 * @throws {OsError} If memory is short.
 */
export function canStartInCgroup(cgroup: Fd): boolean {
  const c = libc();
  if (c.posix_spawnattr_setcgroup_np === null) return false;
  const attributes = cachedAttributes();
  setKind(attributes, POSIX_SPAWN_SETPGROUP, cgroup);
  const nothing = encodeCString("");
  const none = encodeCStringArray([]);
  const pid = new Int32Array(1);
  // No program has an empty name: the process ends when all but that was done.
  return c.posix_spawn(pid, nothing, null, attributes, none, none) ===
    Errno.ENOENT;
}

/** The actions keep copies of the paths. */
function addActions(
  actions: Uint8Array<ArrayBuffer>,
  streams: StandardStreams,
  cwd: string | undefined,
): void {
  const c = libc();
  let numbers: readonly number[];
  if (typeof streams === "string") {
    // Its first terminal is what controls a new session.
    const path = encodeCString(streams);
    check(c.posix_spawn_file_actions_addopen(actions, 0, path, O_RDWR, 0));
    numbers = [0, 0, 0];
  } else {
    numbers = streams.map((fd) => fd.number);
  }
  numbers.forEach((number, index) =>
    check(c.posix_spawn_file_actions_adddup2(actions, number, index))
  );
  check(c.posix_spawn_file_actions_addclosefrom_np(actions, numbers.length));
  if (cwd !== undefined) {
    check(c.posix_spawn_file_actions_addchdir_np(actions, encodeCString(cwd)));
  }
}

/** Memory may be short: a child must not start with half of its settings. */
function check(result: number): void {
  if (result !== 0) throw new OsError(result, "prepare a process");
}

let attributes: Uint8Array<ArrayBuffer> | undefined;

/** Made once for all processes that are started on this thread, one by one. */
function cachedAttributes(): Uint8Array<ArrayBuffer> {
  return attributes ??= makeAttributes();
}

function setKind(
  attributes: Uint8Array<ArrayBuffer>,
  kind: number,
  cgroup: Fd | undefined,
): void {
  const c = libc();
  let flags = kind | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
  if (cgroup !== undefined) {
    flags |= POSIX_SPAWN_SETCGROUP;
    check(c.posix_spawnattr_setcgroup_np!(attributes, cgroup.number));
  }
  check(c.posix_spawnattr_setflags(attributes, flags));
}

function makeAttributes(): Uint8Array<ArrayBuffer> {
  const c = libc();
  const attributes = new Uint8Array(SIZE_OF.posixSpawnAttributes);
  const signals = new Uint8Array(SIZE_OF.sigset);
  check(c.posix_spawnattr_init(attributes));
  check(c.posix_spawnattr_setpgroup(attributes, 0));
  c.sigfillset(signals);
  check(c.posix_spawnattr_setsigdefault(attributes, signals));
  c.sigemptyset(signals);
  check(c.posix_spawnattr_setsigmask(attributes, signals));
  return attributes;
}
