/**
 * Finding programs as execvp(3) does, and the folders that they start in.
 *
 * @module
 */

import { F_OK, PATH_MAX, X_OK } from "./abi.ts";
import { decodeCString, encodeCString, isTooLong } from "./c_string.ts";
import { Errno, OsError } from "./errno.ts";
import { findInterpreter } from "./interpreter.ts";
import { errno, libc } from "./libc.ts";
import { isAccessible, isAtHand, openPath, pathOf } from "./open_path.ts";

/** The search path of a process that has none, see confstr(3) on `_CS_PATH`. */
const DEFAULT_PATH = "/bin:/usr/bin";
/** More folders than any search path has that somebody means. */
const MAX_FOLDERS = 256;
/** How often an interpreter may be a script itself, see execve(2). */
const MAX_INTERPRETERS = 5;

/** What {@linkcode lookUpProgram} returns. */
export interface FoundProgram {
  /**
   * The file's absolute path, with symbolic links in its folder resolved but the
   * last component left as it is: `/bin/sh` is `/usr/bin/sh` where `/bin` is a
   * link, and stays so where that is a link to `dash`.
   */
  readonly path: string;
  /**
   * Whether starting the program waits for no file system but that of the root
   * directory.
   */
  readonly atHand: boolean;
}

/**
 * Lists the files that a name may run: the name itself if it holds a slash, else
 * the files of that name in the search path.
 *
 * @param name The name, as in `argv[0]`.
 * @param path The search path, folders separated by colons. Without one it is
 * `/bin:/usr/bin`.
 * @param cwd The folder that a relative name and the search path's relative and
 * empty entries are meant from, this process's working directory by default.
 * @returns Their paths, in the order of the search.
 * @throws {OsError} If the name is longer than a file's can be (`ENAMETOOLONG`), or
 * the search path has more than 256 folders (`E2BIG`).
 */
export function candidates(
  name: string,
  path = DEFAULT_PATH,
  cwd = ".",
): string[] {
  const what = attemptToRun(name);
  if (name === "") throw new OsError(Errno.ENOENT, what);
  if (name.includes("/")) {
    if (isTooLong(name, "path")) throw new OsError(Errno.ENAMETOOLONG, what);
    return [resolve(name, cwd)];
  }
  if (isTooLong(name, "file name")) {
    throw new OsError(Errno.ENAMETOOLONG, what);
  }
  const folders = path.split(":", MAX_FOLDERS + 1);
  if (folders.length > MAX_FOLDERS) {
    throw new OsError(
      Errno.E2BIG,
      `${what} by a PATH of more than ${MAX_FOLDERS} folders`,
    );
  }
  return folders.map((folder) => `${resolve(folder, cwd)}/${name}`);
}

/**
 * Finds the file that a name runs, see {@linkcode candidates}. This waits for
 * whatever file systems the search leads to: it is for names that this process has
 * from nobody else.
 *
 * @param name The name, as in `argv[0]`.
 * @param path The search path, as {@linkcode candidates} takes it.
 * @param cwd The folder, as {@linkcode candidates} takes it.
 * @returns The file's path, see {@linkcode FoundProgram}.
 * @throws {OsError} If there is no such file (`ENOENT`), or it may not be
 * executed (`EACCES`).
 * @throws {TypeError} If the name holds a NUL.
 */
export function findProgram(name: string, path?: string, cwd?: string): string {
  let reason: number = Errno.ENOENT;
  for (const candidate of candidates(name, path, cwd)) {
    const code = executable(candidate);
    if (code === 0) return resolveFolder(candidate);
    reason = worse(reason, code);
  }
  throw new OsError(reason, attemptToRun(name));
}

/**
 * Finds the file that a name runs, as {@linkcode findProgram} does, without waiting
 * for a file system that doesn't answer.
 *
 * @param name The name, as in `argv[0]`.
 * @param path The search path, as {@linkcode candidates} takes it.
 * @param cwd The folder, as {@linkcode candidates} takes it.
 * @returns The file.
 * @throws {OsError} If there is no such file (`ENOENT`), or it may not be
 * executed (`EACCES`); `ETIMEDOUT` if a file system doesn't answer, `EAGAIN` if too
 * many others don't.
 * @throws {TypeError} If the name holds a NUL.
 */
export async function lookUpProgram(
  name: string,
  path?: string,
  cwd?: string,
): Promise<FoundProgram> {
  const what = attemptToRun(name);
  let reason: number = Errno.ENOENT;
  for (const candidate of candidates(name, path, cwd)) {
    const found = await examine(candidate, what);
    if (typeof found !== "number") return found;
    reason = worse(reason, found);
  }
  throw new OsError(reason, what);
}

/** Returns a program's file, or the errno that stands in the way of executing it. */
async function examine(
  candidate: string,
  what: string,
): Promise<FoundProgram | number> {
  const opened = await openPath(candidate, what);
  if (typeof opened === "number") return opened;
  using file = opened;
  // A folder may be searched, which is the same bit.
  if (
    await isAccessible(file, "/.", F_OK, what) ||
    !await isAccessible(file, "", X_OK, what)
  ) {
    return Errno.EACCES;
  }
  const slash = candidate.lastIndexOf("/");
  const parent = await openPath(candidate.slice(0, slash + 1), what);
  if (typeof parent === "number") return parent;
  using folder = parent;
  const path = join(pathOf(folder.fd), candidate.slice(slash + 1));
  return {
    path,
    atHand: file.atHand && folder.atHand && runsAtHand(path),
  };
}

/** Tells whether what runs a program is at hand, too. */
function runsAtHand(program: string): boolean {
  try {
    let path = program;
    for (let depth = 0; depth < MAX_INTERPRETERS; depth++) {
      const interpreter = findInterpreter(path);
      if (interpreter === undefined) return true;
      path = interpreter.path;
      if (!isAtHand(path)) return false;
    }
  } catch {
    // Whatever is wrong with the file shows when it is started.
  }
  return false;
}

/** What stands in the way of one file counts, if none can be run. */
function worse(reason: number, next: number): number {
  const absent = next === Errno.ENOENT || next === Errno.ENOTDIR;
  return reason === Errno.ENOENT && !absent ? next : reason;
}

/**
 * Says what is attempted with a program.
 *
 * @param name The program's name, cut to the length that a path may have.
 * @returns The attempt, as it reads after "Cannot".
 */
export function attemptToRun(name: string): string {
  return `run ${JSON.stringify(name.slice(0, PATH_MAX))}`;
}

function resolve(path: string, folder: string): string {
  return path.startsWith("/") ? path : `${folder}/${path}`;
}

function join(folder: string, name: string): string {
  return `${folder === "/" ? "" : folder}/${name}`;
}

/** Returns 0 or the errno that stands in the way of executing a file. */
function executable(path: string): number {
  if (isTooLong(path, "path")) return Errno.ENAMETOOLONG;
  const cPath = encodeCString(path);
  if (libc().access(cPath, X_OK) < 0) return errno();
  const isFolder = libc().access(encodeCString(`${path}/.`), F_OK) === 0;
  return isFolder ? Errno.EACCES : 0;
}

function resolveFolder(path: string): string {
  const slash = path.lastIndexOf("/");
  return join(realPath(path.slice(0, slash + 1)), path.slice(slash + 1));
}

/**
 * Resolves all symbolic links in a path, see realpath(3).
 *
 * @param path The path.
 * @returns The absolute path of what it leads to.
 * @throws {OsError} If it leads nowhere.
 * @throws {TypeError} If the path holds a NUL.
 */
export function realPath(path: string): string {
  const cPath = encodeCString(path);
  const resolved = new Uint8Array(PATH_MAX);
  if (libc().realpath(cPath, resolved) === null) {
    throw new OsError(errno(), `resolve ${JSON.stringify(path)}`);
  }
  return decodeCString(resolved);
}

/**
 * Finds a folder that a process is to have as its working directory, without
 * waiting for a file system that doesn't answer. Whoever starts a process can't
 * tell a missing folder from a missing program otherwise.
 *
 * @param path The folder's path.
 * @returns The absolute path, with all symbolic links resolved.
 * @throws {OsError} If a process couldn't have it: `ENOENT`, `ENOTDIR`, `EACCES`
 * and the like; `ETIMEDOUT` if its file system doesn't answer, `EAGAIN` if too many
 * others don't.
 * @throws {TypeError} If the path holds a NUL.
 */
export async function lookUpFolder(path: string): Promise<string> {
  const what = `enter ${JSON.stringify(path.slice(0, PATH_MAX))}`;
  // An empty path is no folder, and not the root.
  const opened = await openPath(path && `${path}/.`, what);
  if (typeof opened === "number") throw new OsError(opened, what);
  using folder = opened;
  if (!await isAccessible(folder, "", X_OK, what)) {
    throw new OsError(Errno.EACCES, what);
  }
  return pathOf(folder.fd);
}

/**
 * Checks that a process could have a folder as its working directory. Whoever
 * starts one can't tell a missing folder from a missing program otherwise.
 *
 * @param path The folder's path.
 * @throws {OsError} If it couldn't: `ENOENT`, `ENOTDIR`, `EACCES` and the like.
 * @throws {TypeError} If the path holds a NUL.
 */
export function checkFolder(path: string): void {
  // An empty path is no folder, and not the root.
  const cPath = encodeCString(path && `${path}/.`);
  if (libc().access(cPath, X_OK) < 0) {
    throw new OsError(errno(), `enter ${JSON.stringify(path)}`);
  }
}
