/**
 * What may fail because a command has meddled with control groups.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { OsError } from "../../ffi/errno.ts";

const logger = getLogger(["cocoon-agent", "cgroup"]);

/**
 * Does something with a control group. A failure is logged and ends neither a
 * session nor the agent: a command of root's may have removed the group or changed
 * its files.
 *
 * @param action What to do.
 * @returns What it returns, or `undefined` if the kernel refuses it.
 */
export function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    logger.warn("{error}", { error: error.message });
    return undefined;
  }
}
