/**
 * What the agent says about itself and its guest.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { bootId, uptime } from "../ffi/system.ts";
import { type AgentInfo, PROTOCOL_VERSION } from "../protocol/mod.ts";
import type { SessionSettings } from "./session_context.ts";

/** The extensions of the protocol that every agent has. */
const FEATURES: readonly string[] = [
  "info",
  "signal_in_exit",
  "placement",
  "tty",
  "signals",
  "flow",
  "raw",
];

/**
 * Describes this agent and its guest, for the answer to an `info` frame.
 *
 * @param settings What its operator has decided.
 * @returns The description.
 * @throws {OsError} If the kernel cannot tell its boot id or its uptime.
 */
export function agentInfo(
  { confinement, containment }: SessionSettings,
): AgentInfo {
  const { kind, controllers } = containment;
  return {
    version: config.version,
    protocol: PROTOCOL_VERSION,
    features: [
      ...FEATURES,
      ...(controllers.length > 0 ? ["limits"] : []),
      ...(kind === "cgroup" ? ["usage"] : []),
    ],
    os: Deno.build.os,
    arch: Deno.build.arch,
    bootId: bootId(),
    uptimeMs: uptime(),
    ...(confinement && { landlockAbi: confinement.landlockAbi }),
    containment: kind,
    controllers,
  };
}
