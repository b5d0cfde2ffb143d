/**
 * What shells know of a command to complete its command line.
 *
 * @module
 */

import type { Command, Flag } from "../command.ts";
import { longNames } from "../flag_names.ts";
import { HELP_FLAG } from "../help.ts";

/** A command whose flags and arguments shells complete. */
export interface CompletedCommand
  extends Pick<Command, "name" | "summary" | "flags"> {
  /** The words that its only argument may be, where they are known. */
  readonly words?: readonly string[];
}

/** The names that the help gives to values that are files of this machine. */
const FILE_VALUES: readonly string[] = ["FILE", "PATH"];

/**
 * Returns the flags that a command takes.
 *
 * @param command The command.
 * @returns Its flags; a command that takes a word has none, not even for help.
 */
export function completedFlags(command: CompletedCommand): readonly Flag[] {
  return command.words === undefined ? [...command.flags, HELP_FLAG] : [];
}

/**
 * Returns all that a flag may be written as.
 *
 * @param flag The flag.
 * @returns Its names with their dashes, the short one first.
 */
export function spellings(flag: Flag): readonly string[] {
  return [
    ...(flag.alias === undefined ? [] : [`-${flag.alias}`]),
    ...longNames(flag).map((name) => `--${name}`),
  ];
}

/**
 * Returns whether a flag's value is a file of this machine. Folders and users are
 * the guest's, of which a shell on the host knows nothing.
 *
 * @param flag The flag.
 */
export function takesFile({ value }: Flag): boolean {
  return value !== undefined && FILE_VALUES.includes(value);
}
