/**
 * Where an agent is.
 *
 * @module
 */

/** The port on which agents listen unless told otherwise. */
export const DEFAULT_PORT = 1024;

/** An agent by the context identifier of its machine, over the kernel's vsock. */
export interface VsockTarget {
  /** The machine's context identifier, see vsock(7). */
  readonly cid: number;
  /**
   * The agent's port.
   *
   * @default {1024}
   */
  readonly port?: number;
}

/**
 * An agent behind the unix socket that Cloud Hypervisor, Firecracker and
 * vhost-device-vsock offer for a machine's vsock, with a `CONNECT` line first.
 */
export interface HybridTarget {
  /** The path of the machine's unix socket. */
  readonly uds: string;
  /**
   * The agent's port.
   *
   * @default {1024}
   */
  readonly port?: number;
}

/** An agent that listens on a unix socket itself. */
export interface UnixTarget {
  /** The path of the agent's unix socket. */
  readonly unix: string;
}

/** Where an agent is. */
export type Target = VsockTarget | HybridTarget | UnixTarget;

/**
 * Describes a target as messages name it.
 *
 * @param target The target.
 * @returns Such as `vsock 3:1024` or `port 1024 behind "/run/vm.sock"`.
 */
export function formatTarget(target: Target): string {
  if ("unix" in target) return `"${target.unix}"`;
  const port = target.port ?? DEFAULT_PORT;
  return "uds" in target
    ? `port ${port} behind "${target.uds}"`
    : `vsock ${target.cid}:${port}`;
}
