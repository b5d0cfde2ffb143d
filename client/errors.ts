/**
 * How calls of an agent fail: each error says which end it was.
 *
 * @module
 */

import type { ErrorCode } from "../protocol/mod.ts";
import { formatTarget, type Target } from "./target.ts";

/** Thrown when the agent cannot be reached, or the connection to it breaks. */
export class ConnectionError extends Error {
  /** The error's name: `"ConnectionError"`. */
  override readonly name = "ConnectionError";
}

/**
 * Makes the error for an agent that cannot be reached.
 *
 * @param target Where it should be.
 * @param cause Why not.
 * @returns The error.
 */
export function unreachable(target: Target, cause: unknown): ConnectionError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ConnectionError(
    `Cannot reach the agent at ${formatTarget(target)}: ${reason}`,
    { cause },
  );
}

/** Thrown when the agent answers that it cannot do what was asked. */
export class AgentError extends Error {
  /** The error's name: `"AgentError"`. */
  override readonly name = "AgentError";
  /**
   * What kind of failure it is: as the agent said, or as the words of an agent in
   * Go tell. `undefined` where neither is known.
   */
  readonly code: ErrorCode | undefined;

  /**
   * Creates an error.
   *
   * @param message What the agent said.
   * @param code What kind of failure it said it was; guessed from the message
   * without it.
   */
  constructor(message: string, code?: ErrorCode) {
    super(message);
    this.code = code ?? guessCode(message);
  }
}

/** Agents that only know the core of the protocol say it in Go's words alone. */
const GO_MESSAGES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^exec: start .*: (executable file not found|no such file)/, "not_found"],
  [
    /^exec: start .*: (permission denied|exec format error)/,
    "not_executable",
  ],
];

function guessCode(message: string): ErrorCode | undefined {
  return GO_MESSAGES.find(([pattern]) => pattern.test(message))?.[1];
}
