/**
 * Daemons: processes that their command leaves behind, in a session of their
 * own, with the command's pipes in their hands.
 *
 * @module
 */

import { until } from "../_bounded.ts";
import { processStat } from "../_proc.ts";
import { decodeData, text, type Wire } from "../_wire.ts";

/** The shell command that starts one by a double fork, and prints its process id. */
export const START_DAEMON = "setsid sh -c 'sleep 60 & echo $!'";

/**
 * Waits for a daemon to run.
 *
 * @param wire The session whose command starts it.
 * @returns Its process id.
 */
export async function readDaemon(wire: Wire): Promise<number> {
  const pid = Number(text(decodeData(await wire.expect("stdout"))));
  await until(() => processStat(pid)?.name === "sleep", "the daemon");
  return pid;
}

/**
 * Kills a daemon, which may be gone.
 *
 * @param pid Its process id.
 */
export function killDaemon(pid: number): void {
  if (processStat(pid)?.name !== "sleep") return;
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
