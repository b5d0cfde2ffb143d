/**
 * All faults.
 *
 * @module
 */

import { DEAD_FILE_SYSTEM } from "./dead_mount.ts";
import { EXHAUSTION } from "./exhaustion.ts";
import type { Fault } from "./_fault.ts";
import { PAUSED_AGENT } from "./paused_agent.ts";
import { SLOW_PEERS } from "./slow_peers.ts";
import { STOPS } from "./stops.ts";
import { STUBBORN_COMMANDS } from "./stubborn_commands.ts";
import { UNREAD_LOG } from "./unread_log.ts";
import { VANISHING_CLIENTS } from "./vanishing_clients.ts";

/** The faults, in the order of the table. */
export const FAULTS: readonly Fault[] = [
  ...EXHAUSTION,
  ...SLOW_PEERS,
  ...STUBBORN_COMMANDS,
  ...VANISHING_CLIENTS,
  DEAD_FILE_SYSTEM,
  PAUSED_AGENT,
  ...UNREAD_LOG,
  ...STOPS,
];
