/**
 * Who may speak to the agent.
 *
 * @module
 */

import type { Peer } from "../ffi/connection.ts";
import { effectiveUserId } from "../ffi/system.ts";

/** The host's context identifier, see vsock(7) on `VMADDR_CID_HOST`. */
export const HOST_CID = 2;

/**
 * Returns whom a peer is one of, as far as callers can be told apart: a machine, on
 * vsock, or a user, on a unix socket.
 *
 * @param peer The peer.
 * @returns The context identifier, or the user id.
 */
export function callerOf(peer: Peer): number {
  return peer.transport === "vsock" ? peer.cid : peer.uid;
}

/**
 * Returns the callers who may run commands. On vsock that is the host alone by
 * default: over vsock loopback (CID 1) any user of the guest could otherwise run
 * commands as the agent's user. On a unix socket it is root and the agent's own
 * user.
 *
 * @param transport What they come by.
 * @param cids The context identifiers that are let in on vsock.
 * @returns The callers, as {@linkcode callerOf} has them.
 */
export function admittedCallers(
  transport: Peer["transport"],
  cids: readonly number[],
): ReadonlySet<number> {
  return new Set(transport === "vsock" ? cids : [0, effectiveUserId()]);
}

/**
 * Describes a peer as logs name it.
 *
 * @param peer The peer.
 * @returns Such as `vsock 2:1040` or `uid 0 pid 815`.
 */
export function formatPeer(peer: Peer): string {
  return peer.transport === "vsock"
    ? `vsock ${peer.cid}:${peer.port}`
    : `uid ${peer.uid} pid ${peer.pid}`;
}
