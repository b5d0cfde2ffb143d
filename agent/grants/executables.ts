/**
 * The files that granted programs are made of.
 *
 * @module
 */

import { OsError } from "../../ffi/errno.ts";
import { findInterpreter, type Interpreter } from "../../ffi/interpreter.ts";
import { findProgram, realPath } from "../../ffi/program.ts";

/** What {@linkcode findExecutables} returns. */
export interface Executables {
  /** The paths of the files that the kernel opens to run the programs. */
  readonly files: readonly string[];
  /** What whoever has granted the programs should know about them. */
  readonly warnings: readonly string[];
}

/** Files that hold many programs, and run the one that they are called by. */
const MULTI_CALL: readonly string[] = ["busybox", "toybox", "coreutils"];

/**
 * Finds the files that the kernel opens to run programs: those that the names
 * lead to in the end, the interpreters of scripts, also those that env(1) looks
 * up, and the loaders of what is dynamically linked.
 *
 * @param programs The programs' names and paths.
 * @param searchPath Where names are looked up.
 * @returns The files, and what is odd about the programs: those that aren't
 * there, that need what isn't there, or that share a file with others.
 */
export function findExecutables(
  programs: readonly string[],
  searchPath: string | undefined,
): Executables {
  const files = new Set<string>();
  const warnings: string[] = [];

  function add(name: string, user?: string): void {
    const needed = user === undefined ? "" : `, which "${user}" needs,`;
    const found = attempt(() => realPath(findProgram(name, searchPath)));
    if (found instanceof Error) {
      warnings.push(
        `"${name}"${needed} will be refused until the agent is started again: ${found.message}`,
      );
      return;
    }
    if (files.has(found)) return;
    files.add(found);
    if (MULTI_CALL.includes(found.slice(found.lastIndexOf("/") + 1))) {
      warnings.push(
        `"${name}"${needed} is one of many programs in "${found}": all of them may be executed`,
      );
    }
    const runBy = attempt(() => interpreters(findInterpreter(found)));
    if (runBy instanceof Error) {
      warnings.push(
        `Whatever runs "${found}" will be refused: ${runBy.message}`,
      );
      return;
    }
    for (const interpreter of runBy) add(interpreter, found);
  }

  for (const program of programs) add(program);
  return { files: [...files], warnings };
}

/** Returns what is wrong with a file instead of throwing it. */
function attempt<T>(read: () => T): T | OsError | SyntaxError {
  try {
    return read();
  } catch (error) {
    if (error instanceof OsError || error instanceof SyntaxError) return error;
    throw error;
  }
}

/** Returns an interpreter, and the one that it looks up itself if it is env(1). */
function interpreters(interpreter: Interpreter | undefined): string[] {
  if (interpreter === undefined) return [];
  const { path, argument = "" } = interpreter;
  if (!path.startsWith("/")) {
    throw new SyntaxError(
      `its interpreter ${JSON.stringify(path)} depends on the folder`,
    );
  }
  if (!path.endsWith("/env")) return [path];
  const name = argument.split(/[ \t]+/).find((word) =>
    word !== "" && !word.startsWith("-") && !word.includes("=")
  );
  return name === undefined ? [path] : [path, name];
}
