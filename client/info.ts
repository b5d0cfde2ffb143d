/**
 * Asking an agent who it is.
 *
 * @module
 */

import type { AgentInfo, InfoFrame } from "../protocol/mod.ts";
import { AgentError } from "./errors.ts";
import { printableFacts } from "./guest_words.ts";
import { type CallOptions, openSession } from "./session.ts";
import type { Target } from "./target.ts";

/**
 * What an agent says about itself and its machine. Its texts are safe to print: what
 * a terminal would obey is escaped, each has at most 64 characters, and a list of
 * them 64 entries.
 */
export interface RemoteInfo extends AgentInfo {
  /**
   * The same as the agent said it, to the letter, which is not for terminals. It
   * cannot be enumerated, so that it isn't printed with the rest.
   */
  readonly raw: AgentInfo;
}

/**
 * Asks an agent who it is.
 *
 * @param target Where the agent is.
 * @param options The options.
 * @returns What it says, or `undefined` if it is an agent that only knows the
 * core of the protocol.
 * @throws As `spawn` does.
 */
export async function info(
  target: Target,
  options: CallOptions = {},
): Promise<RemoteInfo | undefined> {
  return await askInfo(target, { type: "info" }, options);
}

/**
 * Asks an agent who it is, for the client's own sake: agents log nothing of it.
 *
 * @param target Where the agent is.
 * @param options The options.
 * @returns What {@linkcode info} returns.
 * @throws As {@linkcode info} does.
 */
export async function probeInfo(
  target: Target,
  options: CallOptions,
): Promise<RemoteInfo | undefined> {
  return await askInfo(target, { type: "info", probe: true }, options);
}

async function askInfo(
  target: Target,
  request: InfoFrame,
  options: CallOptions,
): Promise<RemoteInfo | undefined> {
  try {
    using session = await openSession(target, [request], options);
    const { answer } = session;
    if (answer.type === "info" && answer.info) {
      await session.finish();
      return remoteInfo(answer.info);
    }
    throw session.reject("info");
  } catch (error) {
    if (error instanceof AgentError && error.code === undefined) {
      return undefined;
    }
    throw error;
  }
}

function remoteInfo(raw: AgentInfo): RemoteInfo {
  const info = printableFacts(raw);
  return Object.defineProperty(info, "raw", { value: raw }) as RemoteInfo;
}
