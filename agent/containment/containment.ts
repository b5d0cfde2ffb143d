/**
 * What keeps a command and all that it starts together.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { O_RDONLY, O_WRONLY } from "../../ffi/abi.ts";
import { kernelRandom } from "../../ffi/entropy.ts";
import { Errno, OsError } from "../../ffi/errno.ts";
import { Fd } from "../../ffi/fd.ts";
import { lockFile } from "../../ffi/lock_file.ts";
import { canStartInCgroup } from "../../ffi/posix_spawn.ts";
import { writeBlocking } from "../../ffi/write_file.ts";
import { SessionError } from "../session_error.ts";
import { attempt } from "./attempt.ts";
import type { Cgroup } from "./cgroup.ts";
import { LeftCgroups } from "./left_cgroups.ts";
import { findOwnCgroup, NoCgroupError } from "./own_cgroup.ts";
import { type ResourceLimits, RESOURCES } from "./resource_limits.ts";
import { SessionCgroup } from "./session_cgroup.ts";
import { Turns } from "./turns.ts";

/** The group of the agent itself: one with groups below has no processes. */
const AGENT = "agent";
/** What the names of the sessions' groups begin with, before a number. */
const SESSION = "session-";
/** The number is below this: a name is the same however it is read. */
const NUMBERS = 10n ** 15n;
/** How many numbers are tried of groups that are there already. */
const NAME_ATTEMPTS = 10;

const logger = getLogger(["cocoon-agent", "cgroup"]);

/** What keeps the commands of an agent together, each with what it starts. */
export interface Containment extends Disposable {
  /** What it is. */
  readonly kind: "cgroup" | "process_group";
  /** What can be limited: names of {@linkcode RESOURCES}. */
  readonly controllers: readonly string[];

  /**
   * Makes the place for one command.
   *
   * @param limits What the command may take.
   * @returns The place, or `undefined` where the command's process group is all
   * there is.
   * @throws {SessionError} If a limit cannot be kept.
   * @throws {OsError} If the place cannot be made.
   */
  prepare(limits: ResourceLimits): Promise<SessionCgroup | undefined>;

  /** Describes it, as logs name it. */
  toString(): string;
}

/**
 * Opens what keeps commands together: control groups where the agent has one of
 * its own that nobody else uses, process groups elsewhere. What a killed agent
 * has left in the same place is killed.
 *
 * @param inGuest Whether this machine is the agent's own, as it is where it
 * listens on vsock. Without systemd it makes itself a cgroup there.
 * @returns The containment.
 */
export function openContainment(inGuest: boolean): Containment {
  try {
    return new CgroupContainment(findOwnCgroup(RESOURCES, inGuest));
  } catch (error) {
    if (!(error instanceof OsError || error instanceof NoCgroupError)) {
      throw error;
    }
    return new ProcessGroupContainment(error.message);
  }
}

/** Where there are no control groups. */
export class ProcessGroupContainment implements Containment {
  readonly kind = "process_group";
  readonly controllers = [];
  readonly #reason: string;

  /**
   * @param reason Why there are none, for people.
   */
  constructor(reason: string) {
    this.#reason = reason;
  }

  prepare(limits: ResourceLimits): Promise<undefined> {
    checkResourceLimits(limits, this);
    return Promise.resolve(undefined);
  }

  toString(): string {
    return `process groups (${this.#reason})`;
  }

  [Symbol.dispose](): void {}
}

/** A control group for each session. */
class CgroupContainment implements Containment {
  readonly kind = "cgroup";
  readonly controllers: readonly string[];
  readonly #own: Cgroup;
  readonly #agent: Cgroup;
  readonly #lock: Fd;
  /** What moves the agent, where others have to be moved. */
  readonly #procs: Fd | undefined;
  readonly #left = new LeftCgroups();
  /** The sessions' groups that were made while those of a killed agent are found. */
  #made: Set<string> | undefined = new Set();
  #moving: Promise<void> | undefined;

  constructor(own: Cgroup) {
    const agent = own.ensure(AGENT);
    // A file that is the agent's user's, and that nobody may read: a command of
    // another user must not hold the lock.
    const lock = lockFile(`${agent.path}/cgroup.kill`);
    if (lock === undefined) {
      throw new NoCgroupError(`another agent uses "${own.path}"`);
    }
    try {
      this.#own = own;
      this.#lock = lock;
      this.#agent = agent;
      // Whom a killed agent had not moved yet.
      this.#agent.kill();
      this.#agent.take(Deno.pid);
      this.controllers = own.enable(RESOURCES);
      using folder = Fd.open(this.#agent.path, O_RDONLY);
      if (!canStartInCgroup(folder)) {
        this.#procs = Fd.open(`${this.#agent.path}/cgroup.procs`, O_WRONLY);
      }
      this.#killLeft();
    } catch (error) {
      this.#left[Symbol.dispose]();
      lock.close();
      throw error;
    }
  }

  async prepare(limits: ResourceLimits): Promise<SessionCgroup> {
    checkResourceLimits(limits, this);
    const group = this.#makeGroup();
    const session = new SessionCgroup({
      group,
      cpu: limits.cpu,
      moveFrom: this.#procs && this.#agent,
      left: this.#left,
    });
    try {
      group.limit(limits);
      if (this.#procs) await this.#getReadyToMove(this.#procs);
      return session;
    } catch (error) {
      session[Symbol.dispose]();
      throw error;
    }
  }

  toString(): string {
    const controllers = this.controllers.join(", ") || "none";
    return `cgroups (limits: ${controllers})`;
  }

  [Symbol.dispose](): void {
    this.#left[Symbol.dispose]();
    this.#procs?.close();
    this.#lock.close();
  }

  /**
   * Makes a group for one session alone. Its number is drawn: what a killed agent or
   * a command of root's has left can neither be taken for it, nor be in its way.
   */
  #makeGroup(): Cgroup {
    for (let attempt = 1;; attempt++) {
      const [bits] = new BigUint64Array(kernelRandom(8).buffer);
      try {
        const group = this.#own.make(`${SESSION}${bits! % NUMBERS}`);
        this.#made?.add(group.name);
        return group;
      } catch (error) {
        const taken = error instanceof OsError && error.errno === Errno.EEXIST;
        if (!taken || attempt === NAME_ATTEMPTS) throw error;
      }
    }
  }

  /**
   * Kills what a killed agent has left, in slices: there may be any number, and
   * nobody waits for that. The first slice is done when this returns.
   */
  async #killLeft(): Promise<void> {
    const turns = new Turns();
    try {
      for (const group of this.#own.children()) {
        const turn = turns.step();
        if (turn !== undefined) await turn;
        if (this.#lock.closed) return;
        if (!group.name.startsWith(SESSION)) continue;
        if (this.#made!.has(group.name)) continue;
        attempt(() => group.kill());
        this.#left.add(group);
      }
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      logger.warn("{error}", { error: error.message });
    } finally {
      this.#made = undefined;
    }
  }

  /**
   * Moves the agent to where it is. The first move for a while waits in the kernel
   * for 10 to 25 ms, for an RCU grace period; those that soon follow take less
   * than one. So that wait is over before there is a process to move, and holds
   * nobody else up.
   */
  #getReadyToMove(procs: Fd): Promise<void> {
    // If it fails nothing is lost: the command's own move waits then, or fails too.
    this.#moving ??= writeBlocking(procs, `${Deno.pid}`).catch(ignore)
      .finally(() => this.#moving = undefined);
    return this.#moving;
  }
}

function ignore(): void {}

/**
 * Checks that limits can be kept: one that isn't is worse than none.
 *
 * @param limits The limits.
 * @param containment What is to keep them.
 * @throws {SessionError} If one cannot.
 */
export function checkResourceLimits(
  limits: ResourceLimits,
  containment: Containment,
): void {
  const missing = RESOURCES.find((name) =>
    limits[name] !== undefined && !containment.controllers.includes(name)
  );
  if (missing === undefined) return;
  throw new SessionError(
    "not_executable",
    `a command's ${missing} cannot be limited here: this agent has ${containment}; give it a cgroup with that controller (in its unit, Delegate=yes)`,
  );
}
