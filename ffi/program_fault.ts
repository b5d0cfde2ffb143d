/**
 * What about a program's file keeps the kernel from running it.
 *
 * @module
 */

import { findInterpreter } from "./interpreter.ts";
import { OsError } from "./errno.ts";
import { isAtHand, openPath } from "./open_path.ts";

/**
 * Says why a program that is there cannot be run: execve(2) says of a script whose
 * interpreter is missing that there is no such file. A file that the kernel doesn't
 * have at hand isn't read, see `open_path.ts`.
 *
 * @param program The path of an executable file.
 * @returns What is wrong with the file, or `undefined` if nothing was found.
 * @throws {OsError} If the interpreter's file system doesn't answer.
 */
export async function findProgramFault(
  program: string,
): Promise<string | undefined> {
  if (!isAtHand(program)) return undefined;
  let interpreter;
  try {
    interpreter = findInterpreter(program);
  } catch (error) {
    if (error instanceof OsError) return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    return 'it is neither a program of this machine nor a script with a first line such as "#!/bin/sh"';
  }
  if (interpreter === undefined) return undefined;
  const { path } = interpreter;
  const quoted = JSON.stringify(path);
  if (path.endsWith("\r")) {
    return `its first line ends with CR LF, as on Windows, so that ${quoted} would have to run it; convert the ends of its lines`;
  }
  const file = await openPath(path, `run ${quoted}`);
  if (typeof file === "number") {
    return `${quoted}, which its file says is to run it, isn't there or cannot be reached`;
  }
  file.fd.close();
  return undefined;
}
