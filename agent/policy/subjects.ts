/**
 * What rules are compared with: what a caller's words have led to, or the words as
 * long as they have led nowhere.
 *
 * Whoever is denied must not learn what is there. So a policy decides three times:
 * by what the words could lead to, before anything is looked up; by what was found;
 * and, for what a denied caller is told, by the words alone.
 *
 * @module
 */

import { findGroup, findUser, parseId } from "../../ffi/users.ts";
import {
  type AskedProgram,
  findGranted,
  lastComponent,
} from "../grants/asked_program.ts";
import { matchesPath, matchesText } from "./pattern.ts";
import type { PolicyRule } from "./policy_schema.ts";

/** One thing about a command that rules have entries for. */
export interface Subject {
  /** What it is, as messages name it. */
  readonly name: string;
  /** Tells whether an entry of a rule is for it. */
  fits(entry: string, effect: PolicyRule["effect"]): boolean | Promise<boolean>;
}

/** Whom a command runs as. */
export interface UserAndGroup {
  /** The user's id. */
  readonly uid: number;
  /** The main group's id; `undefined` where nothing says it. */
  readonly gid: number | undefined;
}

/**
 * A program whose file was found.
 *
 * @param file The file, as `lookUpProgram` returns it.
 * @param searchPath Where rules' names of programs are looked up: the agent's own
 * PATH, never the caller's.
 * @param name What messages call it.
 * @returns The subject.
 */
export function programFile(
  file: string,
  searchPath: string | undefined,
  name: string = file,
): Subject {
  return {
    name: JSON.stringify(name),
    async fits(entry) {
      if (entry.includes("*")) return matchesPath(entry, file);
      // Most aren't, and need no looking up.
      return lastComponent(entry) === lastComponent(file) &&
        await findGranted(entry, searchPath) === file;
    },
  };
}

/**
 * A program by the caller's words.
 *
 * @param program The program.
 * @returns The subject.
 */
export function programWords({ name, candidates }: AskedProgram): Subject {
  return {
    name: JSON.stringify(name),
    fits: (entry) =>
      entry === name || candidates.some((path) => isPlain(entry, path)),
  };
}

/**
 * A program that may be any of the caller's name for it.
 *
 * @param name The caller's word.
 * @returns The subject.
 */
export function anyProgramNamed(name: string): Subject {
  const last = lastComponent(name);
  return {
    name: JSON.stringify(name),
    fits: (entry) =>
      entry.endsWith("/**") ||
      matchesText(lastComponent(entry), last),
  };
}

/**
 * A folder that was found.
 *
 * @param path The folder, with links resolved.
 * @param name What messages call it.
 * @returns The subject.
 */
export function folder(path: string, name: string = path): Subject {
  return {
    name: JSON.stringify(name),
    fits: (entry) => matchesPath(entry, path),
  };
}

/**
 * A folder by the caller's words.
 *
 * @param path The folder as the caller names it.
 * @returns The subject.
 */
export function folderWords(path: string): Subject {
  return {
    name: JSON.stringify(path),
    fits: (entry) => isPlain(entry, path),
  };
}

/**
 * A user who was found.
 *
 * @param identity The user.
 * @param name What messages call the user.
 * @returns The subject.
 */
export function identity(
  { uid, gid }: UserAndGroup,
  name = `uid ${uid} with gid ${gid ?? "unknown"}`,
): Subject {
  return {
    name,
    fits: (entry, effect) => isUser(entry, { uid, gid }, effect),
  };
}

/**
 * A user by the caller's words.
 *
 * @param text The user as the caller names it.
 * @returns The subject.
 */
export function userWords(text: string): Subject {
  return {
    name: userName(text),
    fits: (entry) => entry === "*" || entry === text,
  };
}

/**
 * Returns what messages call a user whom a caller has named.
 *
 * @param text The user as the caller names it.
 * @returns The name.
 */
export function userName(text: string): string {
  return `user ${JSON.stringify(text)}`;
}

/**
 * What every entry may turn out to be for.
 *
 * @param name What it is, as messages name it.
 * @returns The subject.
 */
export function anything(name: string): Subject {
  return { name, fits: () => true };
}

/**
 * Tells whether a path matches as it stands. Where it goes through the parent of
 * another folder, what it means depends on links.
 */
function isPlain(entry: string, path: string): boolean {
  const plain = !path.split("/").some((part, index) =>
    part === "." || part === ".." || part === "" && index > 0
  );
  return plain && matchesPath(entry, path);
}

/**
 * Compares by id, as several names may stand for one. Another group than the
 * user's own is a right of its own, which an entry without a group doesn't give;
 * it gives no way around an entry that denies the user.
 */
async function isUser(
  entry: string,
  { uid, gid }: UserAndGroup,
  effect: PolicyRule["effect"],
): Promise<boolean> {
  if (entry === "*") return true;
  const [name = "", group] = entry.split(":");
  const user = await findUser(name);
  if ((user?.uid ?? parseId(name)) !== uid) return false;
  if (group === undefined) return effect === "deny" || user?.gid === gid;
  return (await findGroup(group) ?? parseId(group)) === gid;
}
