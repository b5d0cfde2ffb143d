/**
 * How the `client` command fails: what its exit code says, and its status line.
 *
 * @module
 */

import { UsageError } from "../cli/command.ts";
import { EXIT_BROKEN_PIPE } from "../cli/print.ts";
import { type ErrorCode, ProtocolError } from "../protocol/mod.ts";
import { AgentError, ConnectionError, UnsupportedError } from "./errors.ts";

/** The exit code where the command's own is not known. */
export const EXIT_FAILURE = 125;
const EXIT_NOT_EXECUTABLE = 126;
const EXIT_NOT_FOUND = 127;

/**
 * What kind of failure it is: what an agent says, `connection` (no way to it, or
 * it broke), `unsupported` (the agent lacks an extension), `usage`, or
 * `cancelled` (the client left, see {@linkcode LeftError}).
 */
export type FailureCode =
  | ErrorCode
  | "connection"
  | "unsupported"
  | "usage"
  | "cancelled";

/**
 * Thrown when what the client reads makes no sense: a file that a flag names, or
 * a line of the control channel.
 */
export class InputError extends Error {
  override readonly name = "InputError";
}

/** Thrown when the client leaves a command before its end. */
export class LeftError extends Error {
  override readonly name = "LeftError";
  /** The client's exit code. */
  readonly exitCode: number;

  /**
   * @param message Why it left.
   * @param exitCode The client's exit code.
   */
  constructor(message: string, exitCode: number = EXIT_FAILURE) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Classifies what ended the client before the command did.
 *
 * @param error What was thrown.
 * @returns What kind of failure it is, and the exit code for it.
 */
export function classifyFailure(
  error: unknown,
): { code: FailureCode; exitCode: number } {
  if (error instanceof LeftError) {
    return { code: "cancelled", exitCode: error.exitCode };
  }
  if (error instanceof Deno.errors.BrokenPipe) {
    return { code: "cancelled", exitCode: EXIT_BROKEN_PIPE };
  }
  const code = failureCode(error);
  return { code, exitCode: EXIT_CODES[code] ?? EXIT_FAILURE };
}

const EXIT_CODES: Readonly<Partial<Record<FailureCode, number>>> = {
  not_found: EXIT_NOT_FOUND,
  not_executable: EXIT_NOT_EXECUTABLE,
  denied: EXIT_NOT_EXECUTABLE,
};

function failureCode(error: unknown): FailureCode {
  if (error instanceof AgentError) return error.code ?? "internal";
  if (error instanceof ConnectionError) return "connection";
  if (error instanceof UnsupportedError) return "unsupported";
  if (error instanceof ProtocolError) return "protocol";
  if (error instanceof UsageError || error instanceof InputError) {
    return "usage";
  }
  return "internal";
}
