/**
 * Finding programs as execvp(3) does, and the folders that they start in.
 *
 * @module
 */

import { F_OK, PATH_MAX, X_OK } from "./abi.ts";
import { decodeCString, encodeCString } from "./c_string.ts";
import { Errno, OsError } from "./errno.ts";
import { errno, libc } from "./libc.ts";

/** The search path of a process that has none, see confstr(3) on `_CS_PATH`. */
const DEFAULT_PATH = "/bin:/usr/bin";

/**
 * Finds the file that a name runs: the name itself if it holds a slash, else
 * the first executable file of that name in the search path.
 *
 * @param name The name, as in `argv[0]`.
 * @param path The search path, folders separated by colons. Without one it is
 * `/bin:/usr/bin`.
 * @param cwd The folder that a relative name and the search path's relative and
 * empty entries are meant from, this process's working directory by default.
 * @returns The file's absolute path, with symbolic links in its folder resolved
 * but the last component left as it is: `/bin/sh` is `/usr/bin/sh` where `/bin`
 * is a link, and stays so where that is a link to `dash`.
 * @throws {OsError} If there is no such file (`ENOENT`), or it may not be
 * executed (`EACCES`).
 * @throws {TypeError} If the name holds a NUL.
 */
export function findProgram(
  name: string,
  path = DEFAULT_PATH,
  cwd = ".",
): string {
  const candidates = name.includes("/")
    ? [resolve(name, cwd)]
    : path.split(":").map((folder) => `${resolve(folder, cwd)}/${name}`);
  let worst: number = Errno.ENOENT;
  for (const candidate of candidates) {
    const code = name === "" ? Errno.ENOENT : executable(candidate);
    if (code === 0) return resolveFolder(candidate);
    if (code === Errno.EACCES) worst = code;
  }
  throw new OsError(worst, `run ${JSON.stringify(name)}`);
}

function resolve(path: string, folder: string): string {
  return path.startsWith("/") ? path : `${folder}/${path}`;
}

/** Returns 0 or the errno that stands in the way of executing a file. */
function executable(path: string): number {
  const cPath = encodeCString(path);
  if (libc().access(cPath, X_OK) < 0) return errno();
  // A folder may be searched, which is the same bit.
  const isFolder = libc().access(encodeCString(`${path}/.`), F_OK) === 0;
  return isFolder ? Errno.EACCES : 0;
}

function resolveFolder(path: string): string {
  const slash = path.lastIndexOf("/");
  const folder = realPath(path.slice(0, slash + 1));
  return `${folder === "/" ? "" : folder}/${path.slice(slash + 1)}`;
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
