/**
 * Grants that the kernel holds as well.
 *
 * @module
 */

import { Errno, OsError } from "../../ffi/errno.ts";
import { restrictExecution } from "../../ffi/landlock.ts";
import { ownProgram, restart } from "../../ffi/restart.ts";
import { effectiveUserId } from "../../ffi/system.ts";
import { findExecutables } from "./executables.ts";

/** What {@linkcode confine} returns. */
export interface Confinement {
  /** The ABI of Landlock that is in force. */
  readonly landlockAbi: number;
  /** What whoever has granted the programs should know about them. */
  readonly warnings: readonly string[];
}

/** What changes the user, see `setprivCommand()`. */
const SETPRIV = "setpriv";

/** What stands in the way of Landlock, by what the kernel says. */
const REMEDIES: ReadonlyMap<number, string> = new Map([
  [
    Errno.ENOSYS,
    "it takes Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK",
  ],
  [
    Errno.EOPNOTSUPP,
    "it is off; lsm= on the kernel's command line must name landlock",
  ],
  [
    Errno.EPERM,
    "a filter of system calls must let landlock_create_ruleset, landlock_add_rule and landlock_restrict_self pass",
  ],
]);

/**
 * Holds the id of a process that was started over in a domain of its own, which
 * all of its threads are in.
 */
export const CONFINED = "COCOON_AGENT_CONFINED";

/**
 * Has the kernel refuse, to this process, to what it starts and to all that comes
 * of it, to execute anything but granted programs, what these are run by, and,
 * where the agent is root, the tool that changes the user. This is for good, and
 * about the files that are there now.
 *
 * The threads of the runtime that run already would keep the right, so that the
 * process is started over once, with its own program allowed as well. What is
 * started then is allowed the rest only.
 *
 * @param programs The names and paths of the programs.
 * @param env The environment.
 * @returns What is in force.
 * @throws {Error} If the kernel cannot; the message says what is missing.
 */
export function confine(
  programs: readonly string[],
  env: Readonly<Record<string, string>>,
): Confinement {
  const searchPath = env["PATH"];
  const restarted = env[CONFINED] === String(Deno.pid);
  const { files, warnings } = findExecutables(programs, searchPath);
  const tool = findExecutables([SETPRIV], searchPath);
  // A file that holds other programs too would grant them all.
  const needsTool = effectiveUserId() === 0 && tool.warnings.length === 0;
  const allowed = needsTool ? [...files, ...tool.files] : files;
  try {
    if (!restarted) {
      const own = findExecutables([ownProgram()], searchPath);
      restrictExecution([...allowed, ...own.files]);
      restart({ ...env, [CONFINED]: String(Deno.pid) });
    }
    return { landlockAbi: restrictExecution(allowed), warnings };
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    const remedy = REMEDIES.get(error.errno);
    throw new Error(
      `Cannot have the kernel hold the grants (--confine): ${error.message}${
        remedy ? `; ${remedy}` : ""
      }`,
      { cause: error },
    );
  }
}
