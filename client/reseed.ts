/**
 * Renewing the randomness of a guest.
 *
 * @module
 */

import { type CallOptions, openSession } from "./session.ts";
import type { Target } from "./target.ts";

/** Options for {@linkcode reseed}. */
export interface ReseedOptions extends CallOptions {
  /** Random bytes for the guest's kernel; it takes up to 512. */
  entropy: Uint8Array;
  /**
   * Give the guest a fresh machine id as well.
   *
   * @default {false}
   */
  regenMachineId?: boolean;
}

/**
 * Makes a guest that was restored from a snapshot differ from its siblings: its
 * kernel's random numbers, and its machine id if that is wanted.
 *
 * @param target Where the agent is.
 * @param options The options.
 * @throws {AgentError} If a step fails in the guest; the message names each.
 * @throws As `spawn` does otherwise.
 */
export async function reseed(
  target: Target,
  options: ReseedOptions,
): Promise<void> {
  const { entropy: data, regenMachineId = false } = options;
  using session = await openSession(
    target,
    [{ type: "reseed", data, regenMachineId }],
    options,
  );
  if (session.answer.type !== "exit") throw session.reject("exit");
}
