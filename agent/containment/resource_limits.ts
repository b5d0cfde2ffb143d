/**
 * What a command may take of its machine.
 *
 * @module
 */

import type { ExecFrame } from "../../protocol/mod.ts";
import { SessionError } from "../session_error.ts";

/** Limits for a command with all that it starts; what is missing is unlimited. */
export interface ResourceLimits {
  /** Bytes of memory. */
  readonly memory?: number;
  /** How many processes and threads there may be at once. */
  readonly pids?: number;
  /** How many processors' time, such as 0.5. */
  readonly cpu?: number;
}

/** The names of the limits, of their flags, and of the cgroup controllers they take. */
export const RESOURCES = ["cpu", "memory", "pids"] as const;

/**
 * Returns the limits that a command gets: what its client asks for, and where
 * it doesn't what the agent gives, which is also the most it may ask for.
 *
 * @param request The frame that asks.
 * @param most What the agent gives.
 * @returns The limits.
 * @throws {SessionError} If the client asks for more than it may.
 */
export function limitsFor(
  request: ExecFrame,
  most: ResourceLimits,
): ResourceLimits {
  // A zero is what isn't limited.
  const asked = {
    memory: request.memoryBytes || undefined,
    pids: request.pids || undefined,
    cpu: request.cpus || undefined,
  };
  const limits: { -readonly [K in keyof ResourceLimits]: ResourceLimits[K] } =
    {};
  for (const name of RESOURCES) {
    const limit = asked[name] ?? most[name];
    if (limit === undefined) continue;
    const bound = most[name] ?? Infinity;
    if (limit > bound) {
      throw new SessionError(
        "denied",
        `it asks for a limit of ${limit} for ${name}, and this agent gives ${bound} at most (serve --${name})`,
      );
    }
    limits[name] = limit;
  }
  return limits;
}
