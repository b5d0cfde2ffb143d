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
 * Tells whether a peer may run commands. On vsock that is the host alone by
 * default: over vsock loopback (CID 1) any user of the guest could otherwise run
 * commands as the agent's user. On a unix socket it is root and the agent's own
 * user.
 *
 * @param peer The peer.
 * @param cids The context identifiers that are let in.
 * @returns Whether it is let in.
 */
export function isAdmitted(peer: Peer, cids: readonly number[]): boolean {
  return peer.transport === "vsock"
    ? cids.includes(peer.cid)
    : peer.uid === 0 || peer.uid === effectiveUserId();
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
