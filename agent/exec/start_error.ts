/**
 * Why a command that may run could not be started.
 *
 * @module
 */

import { Errno, OsError } from "../../ffi/errno.ts";
import { findProgramFault } from "../../ffi/program_fault.ts";
import type { Confinement } from "../grants/confinement.ts";
import { SessionError, spawnError } from "../session_error.ts";
import type { PlacedCommand } from "./placement.ts";

/** What may be the fault of the program's file. */
const OF_FILE: readonly number[] = [
  Errno.ENOENT,
  Errno.ENOEXEC,
  Errno.EACCES,
];

/**
 * Converts what was thrown when a command was started whose program is there.
 *
 * @param error What was thrown.
 * @param command The command.
 * @param confinement By what the kernel holds the grants, if it does.
 * @returns The error for the caller; it names the program.
 */
export async function startError(
  error: unknown,
  { name, program }: PlacedCommand,
  confinement: Confinement | undefined,
): Promise<SessionError> {
  const failure = spawnError(name, error);
  if (!(error instanceof OsError) || !OF_FILE.includes(error.errno)) {
    return failure;
  }
  const fault = await findProgramFault(program);
  const hint = fault ??
    (error.errno === Errno.ENOENT
      ? "the program is there, and what is to run it isn't"
      : error.errno === Errno.EACCES && confinement !== undefined
      ? "the agent is confined to the files that were there when it started: start it again if this one, or what runs it, is newer"
      : undefined);
  return new SessionError(
    "not_executable",
    hint === undefined ? failure.message : `${failure.message}; ${hint}`,
  );
}
