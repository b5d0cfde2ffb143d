/**
 * What a command is: the flags it takes, what its help says, and what it does.
 *
 * @module
 */

import type { ParsedFlags } from "./parse_flags.ts";

/** A flag of a command. */
export interface Flag {
  /** Its name, without the dashes. */
  readonly name: string;
  /** A single letter that stands for it. */
  readonly alias?: string;
  /** What it is called elsewhere, and may be called here as well. */
  readonly otherNames?: readonly string[];
  /** What its value is called in the help; a flag without one takes no value. */
  readonly value?: string;
  /** Whether it may be given several times. */
  readonly repeatable?: boolean;
  /** What it does, in one sentence. */
  readonly description: string;
}

/** A command of the command line. */
export interface Command {
  /** Its name. */
  readonly name: string;
  /** What it does, in one sentence. */
  readonly summary: string;
  /** How it is called, a line each, without the program's name. */
  readonly usage: readonly string[];
  /** Whether arguments may follow the flags. */
  readonly takesArguments?: boolean;
  /** The flags it takes. */
  readonly flags: readonly Flag[];
  /** What else its help says: examples, environment, exit codes. */
  readonly notes?: string;
  /** The exit code of a usage error. */
  readonly usageExitCode: number;
  /**
   * Does what the command is for.
   *
   * @param flags The flags and arguments it was given.
   * @returns The exit code.
   * @throws {UsageError} If they make no sense.
   */
  run(flags: ParsedFlags): Promise<number>;
}

/** Thrown when a command line makes no sense. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
