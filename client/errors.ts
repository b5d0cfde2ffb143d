/**
 * How calls of an agent fail: each error says which end it was.
 *
 * @module
 */

import { type ErrorCode, ProtocolError } from "../protocol/mod.ts";
import { printableText } from "../protocol/printable_text.ts";
import { formatTarget, type Target } from "./target.ts";

/** Thrown when the agent cannot be reached, or the connection to it breaks. */
export class ConnectionError extends Error {
  /** The error's name: `"ConnectionError"`. */
  override readonly name = "ConnectionError";
}

/** The error for an agent that cannot be reached. */
export class UnreachableError extends ConnectionError {
  /** Why it cannot be reached, without the target. */
  readonly reason: string;

  /**
   * Creates an error.
   *
   * @param target Where the agent should be.
   * @param reason Why it cannot be reached, without the target.
   * @param cause What was thrown.
   */
  constructor(target: Target, reason: string, cause?: unknown) {
    super(`Cannot reach the agent at ${formatTarget(target)}: ${reason}`, {
      cause,
    });
    this.reason = reason;
  }
}

/**
 * Makes the error for an agent that cannot be reached.
 *
 * @param target Where it should be.
 * @param cause Why not.
 * @returns The error.
 */
export function unreachable(target: Target, cause: unknown): UnreachableError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new UnreachableError(target, reason, cause);
}

/**
 * Makes the error for something that answers otherwise than any agent would.
 *
 * @param target Where an agent should be.
 * @param reason What is wrong with its answer.
 * @param cause What was thrown, if that is how it came out.
 * @returns The error.
 */
export function notAnAgent(
  target: Target,
  reason: string,
  cause?: unknown,
): ProtocolError {
  return new ProtocolError(
    `There is no cocoon-agent at ${
      formatTarget(target)
    }, or a broken one: ${reason}`,
    { cause },
  );
}

/**
 * Thrown when the agent answers that it cannot do what was asked.
 *
 * The `message` is safe to print: what a terminal would obey is escaped, and it has
 * at most 4096 characters. What the agent said to the letter is `rawMessage`.
 */
export class AgentError extends Error {
  /** The error's name: `"AgentError"`. */
  override readonly name = "AgentError";
  /**
   * What kind of failure it is: as the agent said, or as the words of an agent in
   * Go tell. `undefined` where neither is known.
   */
  readonly code: ErrorCode | undefined;
  // Private, so that it isn't shown where somebody prints the whole error.
  readonly #rawMessage: string;

  /**
   * Creates an error.
   *
   * @param rawMessage What the agent said.
   * @param code What kind of failure it said it was; guessed from the message
   * without it.
   */
  constructor(rawMessage: string, code?: ErrorCode) {
    super(printableText(rawMessage));
    this.#rawMessage = rawMessage;
    this.code = code ?? guessCode(rawMessage);
  }

  /**
   * What the agent said, to the letter: up to 8 MiB of whatever the guest likes,
   * which is not for terminals.
   */
  get rawMessage(): string {
    return this.#rawMessage;
  }
}

/** The extensions of the protocol that a call may need. */
export type NeededFeature = "placement" | "limits" | "tty" | "signals";

/** Thrown when an agent lacks an extension that a call needs. */
export class UnsupportedError extends Error {
  /** The error's name: `"UnsupportedError"`. */
  override readonly name = "UnsupportedError";
  /** The extension. */
  readonly feature: NeededFeature;

  /**
   * Creates an error.
   *
   * @param target Where the agent is.
   * @param feature The extension that it lacks.
   */
  constructor(target: Target, feature: NeededFeature) {
    super(
      `Cannot ${ATTEMPTS[feature]}: the agent at ${formatTarget(target)} ${
        feature === "limits" ? UNLIMITED : tooOld(feature)
      }`,
    );
    this.feature = feature;
  }
}

const ATTEMPTS: Readonly<Record<NeededFeature, string>> = {
  limits: "limit what a command takes",
  placement: "set a command's folder, user, time limit or whole environment",
  tty: "run a command on a terminal",
  signals: "send a signal",
};

/** A new agent may lack this too. */
const UNLIMITED =
  'has no cgroup for it, or is too old (it lacks "limits"); the command "info" shows its containment, and in its unit it takes Delegate=yes';

function tooOld(feature: NeededFeature): string {
  return `is too old for it (it lacks "${feature}"); install a newer one in the guest`;
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
