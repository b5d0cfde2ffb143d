/**
 * What the agent says about itself and its guest.
 *
 * @module
 */

import { bootId, uptime } from "../ffi/system.ts";
import { type AgentInfo, PROTOCOL_VERSION } from "../protocol/mod.ts";
import config from "../deno.json" with { type: "json" };

/** The extensions of the protocol that this agent has. */
const FEATURES: readonly string[] = ["info", "signal_in_exit"];

/**
 * Describes this agent and its guest, for the answer to an `info` frame.
 *
 * @returns The description.
 * @throws {OsError} If the kernel cannot tell its boot id or its uptime.
 */
export function agentInfo(): AgentInfo {
  return {
    version: config.version,
    protocol: PROTOCOL_VERSION,
    features: FEATURES,
    os: Deno.build.os,
    arch: Deno.build.arch,
    bootId: bootId(),
    uptimeMs: uptime(),
  };
}
