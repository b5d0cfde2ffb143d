/**
 * The control group of one session.
 *
 * @module
 */

import { O_RDONLY } from "../../ffi/abi.ts";
import type { Child } from "../../ffi/child.ts";
import { OsError } from "../../ffi/errno.ts";
import { Fd } from "../../ffi/fd.ts";
import type { SpawnOptions } from "../../ffi/process.ts";
import type { ResourceUsage } from "../../protocol/mod.ts";
import { SessionError } from "../session_error.ts";
import { attempt } from "./attempt.ts";
import type { Cgroup } from "./cgroup.ts";
import type { LeftCgroups } from "./left_cgroups.ts";
import { toolProcesses } from "./tool_processes.ts";

/**
 * How often the agent's own group is looked through for what a command has
 * started before it was moved. Twice is what it takes but for fork bombs.
 */
const SWEEPS = 100;
/**
 * How long that may take, in milliseconds, as nobody else is served meanwhile. The
 * first rounds are done however slow the machine is.
 */
const SWEEP_TIME = 300;
/** How many rounds those are. */
const FIRST_SWEEPS = 3;

/** What a session's control group is made of. */
export interface SessionCgroupOptions {
  /** The group. */
  readonly group: Cgroup;
  /** How many processors' time the command may take, if that is limited. */
  readonly cpu: number | undefined;
  /**
   * The group of the agent, in which processes start and from where they are
   * moved; `undefined` where they can be started in their own.
   */
  readonly moveFrom: Cgroup | undefined;
  /** Who removes the group in the end. */
  readonly left: LeftCgroups;
}

/** Where one command runs, with all that it starts. */
export class SessionCgroup implements Disposable {
  readonly #options: SessionCgroupOptions;

  /**
   * @param options What it is made of.
   */
  constructor(options: SessionCgroupOptions) {
    this.#options = options;
  }

  /**
   * Runs a program here.
   *
   * @param run Runs it: `spawn`, or what does the same.
   * @param options What to run.
   * @returns The running child, to be closed by the caller.
   * @throws {SessionError} If it was started, and cannot be moved or limited, or
   * starts processes faster than they can be moved. They are killed then.
   * @throws {OsError} If it cannot be run.
   * @throws {RangeError} If the terminal's size is out of range.
   * @throws {TypeError} If an argument, a variable or the folder holds a NUL.
   */
  async start(
    run: (options: SpawnOptions) => Child | Promise<Child>,
    options: SpawnOptions,
  ): Promise<Child> {
    const { group, cpu, moveFrom } = this.#options;
    const child = moveFrom
      ? await startAlone(async () => {
        const child = await run(options);
        this.#closeOnFailure(child, () => this.#admit(child.pid, moveFrom));
        return child;
      })
      : await this.#startHere(run, options);
    // Not before: the agent stands still until a process has become its program,
    // and one that has used up its time is held up for 0.1 s.
    if (cpu !== undefined) {
      this.#closeOnFailure(child, () => group.limitCpu(cpu));
    }
    return child;
  }

  async #startHere(
    run: (options: SpawnOptions) => Child | Promise<Child>,
    options: SpawnOptions,
  ): Promise<Child> {
    using cgroup = Fd.open(this.#options.group.path, O_RDONLY);
    return await run({ ...options, cgroup });
  }

  /** Kills all that runs here if the child cannot be what it should be. */
  #closeOnFailure(child: Child, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.kill();
      child.close();
      // What has begun must not be said to be worth another try.
      throw error instanceof OsError
        ? new SessionError(
          "internal",
          `it was started, and killed: ${error.message}`,
        )
        : error;
    }
  }

  /**
   * Moves a process here that was started right before, with all that it has
   * started meanwhile.
   *
   * A new process is in the agent's group, and whom it starts before it is moved
   * stays there. So everybody there is moved, until nobody is left but the agent
   * and its tools. They are this process's children and no other's, because
   * nothing else is started meanwhile, see {@linkcode startAlone}.
   */
  #admit(pid: number, from: Cgroup): void {
    const take = (stray: number) => this.#options.group.take(stray);
    take(pid);
    if (sweep(from, take)) return;
    sweep(from, (stray) => {
      this.kill();
      take(stray);
    });
    throw new SessionError(
      "internal",
      "it starts processes faster than they can be put into its cgroup, and was killed",
    );
  }

  /**
   * Kills all that runs here. What a command of root's has moved elsewhere on
   * purpose isn't here.
   */
  kill(): void {
    attempt(() => this.#options.group.kill());
  }

  /**
   * Returns what all that ran here has used so far, or `undefined` if the kernel
   * cannot tell.
   */
  usage(): ResourceUsage | undefined {
    return attempt(() => this.#options.group.usage());
  }

  /** Removes the group, when nothing runs in it any more. */
  [Symbol.dispose](): void {
    this.#options.left.add(this.#options.group);
  }
}

/** Settles when the process that is being started in the agent's group has left it. */
let starting: Promise<unknown> = Promise.resolve();

/** Starts processes one after the other, each when the one before was moved. */
async function startAlone(start: () => Promise<Child>): Promise<Child> {
  const started = starting.then(start);
  starting = started.catch(() => {});
  return await started;
}

/**
 * Returns whether nobody is left in the agent's group who should be elsewhere. What
 * a round finds is bounded, as is what all of them take.
 */
function sweep(agent: Cgroup, action: (pid: number) => void): boolean {
  const end = performance.now() + SWEEP_TIME;
  for (let round = 0; round < SWEEPS; round++) {
    const strays = agent.processes()
      .filter((pid) => pid !== Deno.pid && !toolProcesses.has(pid));
    if (strays.length === 0) return true;
    for (const stray of strays) {
      if (round >= FIRST_SWEEPS && performance.now() > end) return false;
      action(stray);
    }
  }
  return false;
}
