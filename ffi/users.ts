/**
 * The machine's users and groups, from wherever its name service has them; see
 * nsswitch.conf(5).
 *
 * @module
 */

import { GROUP, PASSWD } from "./abi.ts";
import { BlockingCalls } from "./blocking_calls.ts";
import { encodeCString, isTooLong, readCString } from "./c_string.ts";
import { Errno, OsError } from "./errno.ts";
import { libc } from "./libc.ts";

/** A user of the machine, see passwd(5). */
export interface User {
  /** The user's name. */
  readonly name: string;
  /** The user's id. */
  readonly uid: number;
  /** The id of the user's main group. */
  readonly gid: number;
  /** The home folder. */
  readonly home: string;
  /** The login shell. */
  readonly shell: string;
}

/** The highest id: the next one stands for none, see setreuid(2). */
const MAX_ID = 0xfffffffe;
/** As many groups as most users have at most. */
const MIN_GROUPS = 64;
/** See getgroups(2): a process is in no more. */
const MAX_GROUPS = 65_536;
const MIN_SIZE = 1024;
/** Enough for the largest of groups with all its members. */
const MAX_SIZE = 1 << 24;

/** Name services ask other machines, which may be gone. */
const services = new BlockingCalls({ max: 4, timeout: 20_000 });

/**
 * Finds a user, see getpwnam(3), without holding anybody up meanwhile: the name
 * service may have to ask elsewhere.
 *
 * @param nameOrUid The user's name, or the user's id where nobody has that name.
 * @returns The user, or `undefined` if there is none.
 * @throws {OsError} If the name service fails, or doesn't answer (`ETIMEDOUT`).
 * @throws {TypeError} If the name holds a NUL.
 */
export async function findUser(nameOrUid: string): Promise<User | undefined> {
  // The modules of name services copy names to their stacks.
  if (isTooLong(nameOrUid, "user name")) return undefined;
  const { getpwnam_r, getpwuid_r } = libc();
  const what = `look up user ${JSON.stringify(nameOrUid)}`;
  const read = (user: DataView): User => ({
    name: readCString(user.getBigUint64(PASSWD.name, true)),
    uid: user.getUint32(PASSWD.uid, true),
    gid: user.getUint32(PASSWD.gid, true),
    home: readCString(user.getBigUint64(PASSWD.home, true)),
    shell: readCString(user.getBigUint64(PASSWD.shell, true)),
  });
  const name = encodeCString(nameOrUid, "user name");
  const uid = parseId(nameOrUid);
  return await lookUp(what, PASSWD.size, name, getpwnam_r, read) ??
    (uid === undefined
      ? undefined
      : await lookUp(what, PASSWD.size, uid, getpwuid_r, read));
}

/**
 * Finds a group by its name, see getgrnam(3), without holding anybody up.
 *
 * @param name The name.
 * @returns The group's id, or `undefined` if there is no such group.
 * @throws {OsError} If the name service fails, or doesn't answer (`ETIMEDOUT`).
 * @throws {TypeError} If the name holds a NUL.
 */
export async function findGroup(name: string): Promise<number | undefined> {
  if (isTooLong(name, "group name")) return undefined;
  return await lookUp(
    `look up group ${JSON.stringify(name)}`,
    GROUP.size,
    encodeCString(name, "group name"),
    libc().getgrnam_r,
    (group) => group.getUint32(GROUP.gid, true),
  );
}

/**
 * Lists the groups that a user is in, see getgrouplist(3), without holding anybody
 * up.
 *
 * @param name The user's name.
 * @param gid The id of the main group, which is one of them.
 * @returns The groups' ids.
 * @throws {OsError} If the name service doesn't answer (`ETIMEDOUT`).
 * @throws {TypeError} If the name holds a NUL.
 */
export async function findGroups(name: string, gid: number): Promise<number[]> {
  const cName = encodeCString(name, "user name");
  const count = new Int32Array(1);
  for (let room = MIN_GROUPS;; room = count[0]!) {
    const groups = new Uint32Array(room);
    count[0] = room;
    const result = await services.run(
      `look up the groups of user ${JSON.stringify(name)}`,
      () => libc().getgrouplist(cName, gid, groups, count),
    );
    // As large as it has to be the next time, unless there are more by then.
    if (result >= 0 || room >= MAX_GROUPS) {
      return [...groups.subarray(0, Math.min(count[0]!, room))];
    }
  }
}

/**
 * Parses the id of a user or a group.
 *
 * @param text The text.
 * @returns The id, or `undefined` if the text is none.
 */
export function parseId(text: string): number | undefined {
  return /^[0-9]+$/.test(text) && Number(text) <= MAX_ID
    ? Number(text)
    : undefined;
}

type Query<Key> = (
  key: Key,
  entry: DataView<ArrayBuffer>,
  strings: Uint8Array<ArrayBuffer>,
  size: bigint,
  found: BigUint64Array<ArrayBuffer>,
) => Promise<number>;

/** Reads the entry of a key, if there is one. It points into strings beside it. */
async function lookUp<Key, Entry>(
  what: string,
  size: number,
  key: Key,
  query: Query<Key>,
  read: (entry: DataView) => Entry,
): Promise<Entry | undefined> {
  const entry = new DataView(new ArrayBuffer(size));
  const found = new BigUint64Array(1);
  for (let room = MIN_SIZE;;) {
    const strings = new Uint8Array(room);
    // The entry points into the strings, which must be held until it was read.
    const find = async () => ({
      code: await query(key, entry, strings, BigInt(room), found),
      entry: found[0] === 0n ? undefined : read(entry),
    });
    const answer = await services.run(what, find);
    if (answer.code === Errno.ERANGE && room < MAX_SIZE) room *= 2;
    else if (ABSENT.includes(answer.code)) return answer.entry;
    else if (answer.code !== Errno.EINTR) throw new OsError(answer.code, what);
  }
}

/** What name services return when nothing failed, see getpwnam(3). */
const ABSENT: readonly number[] = [0, Errno.ENOENT, Errno.ESRCH];
