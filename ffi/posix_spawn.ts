/**
 * Starting a process, see posix_spawn(3).
 *
 * @module
 */

import {
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
  const c = libc();
  const program = encodeCString(options.program);
  const argv = encodeCStringArray(options.argv);
  const env = encodeCStringArray(
    Object.entries(options.env).map(([name, value]) => `${name}=${value}`),
  );
  const pid = new Int32Array(1);
  const kind = typeof streams === "string"
    ? POSIX_SPAWN_SETSID
    : POSIX_SPAWN_SETPGROUP;
  const attributes = getAttributes(kind, options.cgroup);
  const actions = new Uint8Array(SIZE_OF.posixSpawnFileActions);
  check(c.posix_spawn_file_actions_init(actions));
  try {
    addActions(actions, streams, options.cwd);
    const result = c.posix_spawn(pid, program, actions, attributes, argv, env);
    if (result !== 0) {
      throw new OsError(result, `run ${JSON.stringify(options.argv[0])}`);
    }
    return pid[0]!;
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
  const attributes = getAttributes(POSIX_SPAWN_SETPGROUP, cgroup);
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

const attributesByKind = new Map<number, Uint8Array<ArrayBuffer>>();

/**
 * Those of a kind are made once, as all of a kind have the same but for the
 * control group, and a child is started before they are asked for again.
 */
function getAttributes(
  kind: number,
  cgroup: Fd | undefined,
): Uint8Array<ArrayBuffer> {
  let attributes = attributesByKind.get(kind);
  if (attributes === undefined) {
    attributes = makeAttributes();
    attributesByKind.set(kind, attributes);
  }
  const c = libc();
  let flags = kind | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
  if (cgroup !== undefined) {
    flags |= POSIX_SPAWN_SETCGROUP;
    check(c.posix_spawnattr_setcgroup_np!(attributes, cgroup.number));
  }
  check(c.posix_spawnattr_setflags(attributes, flags));
  return attributes;
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
