/**
 * Programs as callers name them.
 *
 * @module
 */

import { OsError } from "../../ffi/errno.ts";
import { lookUpProgram } from "../../ffi/program.ts";

/** A program that a caller asks for. */
export interface AskedProgram {
  /** The caller's word for it, as in `argv[0]`. */
  readonly name: string;
  /** The files that the word may mean, as it stands. */
  readonly candidates: readonly string[];
  /** The file that was found, as `lookUpProgram` returns it, if one was. */
  readonly file: string | undefined;
}

/**
 * Returns the last component of a path, which lookups leave as it is.
 *
 * @param path The path, or a name without a slash.
 * @returns What stands behind the last slash.
 */
export function lastComponent(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * Finds a program that somebody has granted by its name or path.
 *
 * @param name The name or path.
 * @param searchPath Where names are looked up: the agent's own PATH.
 * @returns The file, as `lookUpProgram` returns it, or `undefined` if there is none
 * now: the program may be installed by the next time.
 */
export async function findGranted(
  name: string,
  searchPath: string | undefined,
): Promise<string | undefined> {
  try {
    return (await lookUpProgram(name, searchPath)).path;
  } catch (error) {
    if (error instanceof OsError) return undefined;
    throw error;
  }
}
