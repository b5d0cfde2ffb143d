/**
 * What the sessions of an agent have in common.
 *
 * @module
 */

import type { Containment } from "./containment/containment.ts";
import type { ResourceLimits } from "./containment/resource_limits.ts";
import type { Confinement } from "./grants/confinement.ts";
import type { Grants } from "./grants/grants.ts";
import type { Limits } from "./limits.ts";
import type { AuditTrail } from "./logging/audit.ts";
import type { RefusalLog } from "./logging/refusal_log.ts";
import type { PolicyFile } from "./policy/policy_file.ts";

/** What an agent's operator has decided about its sessions. */
export interface SessionSettings {
  /** What callers may run. */
  readonly grants: Grants;
  /** By what the kernel holds that too, if it does. */
  readonly confinement?: Confinement | undefined;
  /** Which of it, and how, if a policy says that. */
  readonly policy?: PolicyFile | undefined;
  /** What is kept out of audit records, as patterns of arguments. */
  readonly redact: readonly string[];
  /** What clients may take of the agent. */
  readonly limits: Limits;
  /** What keeps commands together with all that they start. */
  readonly containment: Containment;
  /** The limits of a command whose client asks for none, and the most it may ask. */
  readonly resourceLimits: ResourceLimits;
}

/** What all sessions of an agent share. */
export interface SessionContext extends SessionSettings {
  /** The environment that callers' variables are laid over. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where it is logged what sessions did. */
  readonly audit: AuditTrail;
  /** Where it is logged that a limit was reached. */
  readonly refusals: RefusalLog;
  /** The folder that holds `etc` and `var` for `reseed`, empty for the real one. */
  readonly root: string;
  /**
   * Aborted when the agent stops: children are asked to end. Its reason is what
   * a client is told that has not said yet what it wants.
   */
  readonly stopping: AbortSignal;
  /** Aborted when a stop has taken long enough: children are killed. */
  readonly killing: AbortSignal;
}
