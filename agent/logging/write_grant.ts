/**
 * Deno's permission to write, for files that the C library opens.
 *
 * @module
 */

import { HeldDirectory } from "../../ffi/held_directory.ts";

/**
 * Tells whether Deno would allow this program to write a file.
 *
 * @param path The file's path.
 * @returns Whether it is granted by what the path says.
 */
export function isWriteGranted(path: string): boolean {
  return Deno.permissions.querySync({ name: "write", path }).state ===
    "granted";
}

/**
 * Tells whether a directory that this program may write in is where its path says:
 * below the directory that was granted, and not where a symbolic link in that one
 * leads. Links on the way to the granted directory are the operator's.
 *
 * @param path The directory's path.
 * @param directory The directory that it led to.
 * @returns Whether it is.
 * @throws {OsError} If the granted directory cannot be opened.
 */
export async function isWithinGrant(
  path: string,
  directory: HeldDirectory,
): Promise<boolean> {
  // Where one file alone is granted, its directory is not.
  if (!isWriteGranted(path)) return true;
  let granted = path;
  for (;;) {
    const parent = directoryOf(granted);
    if (parent === granted || !isWriteGranted(parent)) break;
    granted = parent;
  }
  using top = await HeldDirectory.open(granted);
  const topPath = top.path();
  return topPath === "/" || `${directory.path()}/`.startsWith(`${topPath}/`);
}

/**
 * Returns the directory in a path.
 *
 * @param path The path.
 * @returns The path without its last part; `.` where it has no other.
 */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  if (slash === 0) return "/";
  return slash < 0 ? "." : path.slice(0, slash);
}
