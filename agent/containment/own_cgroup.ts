/**
 * The agent's own control group, below which those of its sessions are made.
 *
 * @module
 */

import { Errno, OsError } from "../../ffi/errno.ts";
import { readAttribute } from "../../ffi/extended_attribute.ts";
import { checkFolder } from "../../ffi/program.ts";
import { readText } from "../../ffi/read_file.ts";
import { effectiveUserId } from "../../ffi/system.ts";
import { Cgroup } from "./cgroup.ts";

/** Thrown when sessions get no control groups; the message says why. */
export class NoCgroupError extends Error {
  override readonly name = "NoCgroupError";
}

/** More than the list of all mounts of a machine takes. */
const MAX_BYTES = 1 << 20;
/** Where systemd's is the first process, see sd_booted(3). */
const SYSTEMD = "/run/systemd/system";
/** What systemd marks a group with that it leaves to its unit. */
const DELEGATED = ["user.delegate", "trusted.delegate"] as const;
/** The group that an agent makes where there is no systemd. */
const NAME = "cocoon-agent";

/**
 * Finds the control group that was left to this agent: with systemd that of its
 * unit, by `Delegate=yes`; without, in a guest where it is root in the root group,
 * one that is made for it.
 *
 * @param controllers The names of the controllers that are wanted in it.
 * @param inGuest Whether this machine is the agent's own. On another one it takes
 * nothing that wasn't given to it.
 * @returns The group.
 * @throws {NoCgroupError} If there is none.
 * @throws {OsError} If it cannot be looked for, or made.
 */
export function findOwnCgroup(
  controllers: readonly string[],
  inGuest: boolean,
): Cgroup {
  const mount = findMount();
  const path = readText("/proc/self/cgroup", MAX_BYTES).match(/^0::(\/.*)$/m)
    ?.[1];
  if (mount === undefined || path === undefined) {
    throw new NoCgroupError("no cgroup2 file system is mounted");
  }
  const group = new Cgroup(path === "/" ? mount : mount + path);
  if (DELEGATED.some((name) => readAttribute(group.path, name) === "1")) {
    return group;
  }
  if (hasSystemd()) {
    throw new NoCgroupError("its unit lacks Delegate=yes");
  }
  if (!inGuest) {
    throw new NoCgroupError("not on vsock, and no cgroup was delegated to it");
  }
  if (path !== "/" || effectiveUserId() !== 0) {
    throw new NoCgroupError("it is not root in the root cgroup");
  }
  group.enable(controllers);
  return group.ensure(NAME);
}

/** Returns where control groups are mounted, see proc_pid_mounts(5). */
function findMount(): string | undefined {
  return readText("/proc/self/mounts", MAX_BYTES).match(/^\S+ (\S+) cgroup2 /m)
    ?.[1];
}

function hasSystemd(): boolean {
  try {
    checkFolder(SYSTEMD);
    return true;
  } catch (error) {
    if (error instanceof OsError && error.errno === Errno.ENOENT) return false;
    throw error;
  }
}
