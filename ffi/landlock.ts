/**
 * Landlock, by which a process gives rights up; see landlock(7).
 *
 * @module
 */

import {
  LANDLOCK_ACCESS_FS_EXECUTE,
  LANDLOCK_ACCESS_FS_REFER,
  LANDLOCK_CREATE_RULESET_VERSION,
  LANDLOCK_PATH_BENEATH_ATTR,
  LANDLOCK_RULE_PATH_BENEATH,
  O_PATH,
  PR_SET_NO_NEW_PRIVS,
  SYS_landlock_add_rule,
  SYS_landlock_create_ruleset,
  SYS_landlock_restrict_self,
} from "./abi.ts";
import { Errno, OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { errno, libc } from "./libc.ts";

/** The first ABI that can leave links and renames across folders alone. */
const ABI_OF_REFER = 2;

/**
 * Returns which version of Landlock the kernel has, see
 * landlock_create_ruleset(2).
 *
 * @returns The number of its ABI, 1 or more.
 * @throws {OsError} If it has none: `ENOSYS` where it was built without,
 * `EOPNOTSUPP` where it was not enabled at boot, `EPERM` or the like where a
 * filter of system calls forbids it.
 */
export function landlockAbi(): number {
  const result = libc().landlock_create_ruleset(
    BigInt(SYS_landlock_create_ruleset),
    null,
    0n,
    LANDLOCK_CREATE_RULESET_VERSION,
  );
  if (result < 0) throw new OsError(errno(), "use Landlock");
  return result;
}

/**
 * Gives up for good to execute any file but these, for the calling thread and
 * whatever it starts from now on: processes and threads. Threads that run
 * already, the runtime's own, keep the right until the process is started over.
 *
 * Without CAP_SYS_ADMIN, the thread also gives up to gain privileges by what it
 * executes, see PR_SET_NO_NEW_PRIVS(2const).
 *
 * The kernel asks for the right where it opens a program, the interpreter of a
 * script, and the loader of a dynamically linked program. It doesn't where a
 * shared library is mapped, which is how a loader runs any program that it is
 * given.
 *
 * Whatever the rules are, it then refuses to mount, and to trace or look into
 * processes that haven't given up the same; with the first ABI, also to link and
 * to rename files from one folder to another.
 *
 * @param files The paths of the files. What counts is the file that is there now:
 * another one put in its place may not be executed.
 * @returns The ABI that is in force, see {@linkcode landlockAbi}.
 * @throws {OsError} If the kernel has no Landlock, or one of the files isn't
 * there. Nothing is given up then.
 */
export function restrictExecution(files: readonly string[]): number {
  const abi = landlockAbi();
  const refer = abi < ABI_OF_REFER ? 0 : LANDLOCK_ACCESS_FS_REFER;
  using ruleset = createRuleset(LANDLOCK_ACCESS_FS_EXECUTE | refer);
  for (const file of files) allow(ruleset, file, LANDLOCK_ACCESS_FS_EXECUTE);
  // Every ruleset refuses it, unless it says otherwise.
  if (refer) allow(ruleset, "/", refer);
  restrictSelf(ruleset);
  return abi;
}

function createRuleset(access: number): Fd {
  const attributes = new BigUint64Array([BigInt(access)]);
  const result = libc().landlock_create_ruleset(
    BigInt(SYS_landlock_create_ruleset),
    attributes,
    BigInt(attributes.byteLength),
    0,
  );
  if (result < 0) throw new OsError(errno(), "make rules for Landlock");
  return new Fd(result);
}

function allow(ruleset: Fd, path: string, access: number): void {
  using file = Fd.open(path, O_PATH);
  const rule = new DataView(new ArrayBuffer(LANDLOCK_PATH_BENEATH_ATTR.size));
  rule.setBigUint64(
    LANDLOCK_PATH_BENEATH_ATTR.allowedAccess,
    BigInt(access),
    true,
  );
  rule.setInt32(LANDLOCK_PATH_BENEATH_ATTR.parentFd, file.number, true);
  const result = libc().landlock_add_rule(
    BigInt(SYS_landlock_add_rule),
    ruleset.number,
    LANDLOCK_RULE_PATH_BENEATH,
    rule,
    0,
  );
  if (result < 0) throw new OsError(errno(), `make a rule about "${path}"`);
}

/** The calls are synchronous ones, which stay on the thread that spawns. */
function restrictSelf(ruleset: Fd): void {
  let code = enforce(ruleset);
  if (code === Errno.EPERM) {
    if (libc().prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n) < 0) {
      throw new OsError(errno(), "give up gaining privileges");
    }
    code = enforce(ruleset);
  }
  if (code !== 0) throw new OsError(code, "enforce rules by Landlock");
}

/** Returns 0 or an errno. */
function enforce(ruleset: Fd): number {
  const number = BigInt(SYS_landlock_restrict_self);
  return libc().syscall(number, ruleset.number, 0) < 0 ? errno() : 0;
}
