/**
 * The policy of a running agent.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { ownEnvironment } from "../../ffi/environment.ts";
import { DeniedError, type Grants } from "../grants/grants.ts";
import type { Policy } from "../policy/policy.ts";
import type { PolicyFile } from "../policy/policy_file.ts";

const logger = getLogger(["cocoon-agent", "serve"]);

/**
 * Reads an agent's policy file, and warns of programs that it allows in vain.
 *
 * @param path The file's path.
 * @param grants What callers may run.
 * @returns The policy.
 * @throws {PolicyError} If the file has a fault.
 */
export async function openPolicy(
  path: string,
  grants: Grants,
): Promise<PolicyFile> {
  // Only agents with a policy load what reads one.
  const { PolicyFile } = await import("../policy/policy_file.ts");
  const policy = new PolicyFile(path, ownEnvironment()["PATH"]);
  await warnOfUngranted(policy.current, grants);
  return policy;
}

/**
 * Reads it again, and logs what came of it. Running commands go on as they are,
 * whatever the new one says.
 *
 * @param policy The policy, if the agent has one.
 * @param grants What callers may run.
 */
export async function reloadPolicy(
  policy: PolicyFile | undefined,
  grants: Grants,
): Promise<void> {
  if (policy === undefined) {
    logger.info("Nothing to reload on SIGHUP: there is no policy file");
    return;
  }
  const { path } = policy;
  try {
    policy.reload();
  } catch (error) {
    logger.error("{error}; the policy stays as it was", {
      error: error instanceof Error ? error.message : String(error),
    });
    return;
  }
  logger.info("Reloaded the policy in {path}: {rules} rules", {
    path,
    rules: policy.current.size,
  });
  await warnOfUngranted(policy.current, grants);
}

/** A command must be allowed by both: whoever writes the one may forget the other. */
async function warnOfUngranted(
  policy: Policy,
  grants: Grants,
): Promise<void> {
  for (const file of await policy.allowedPrograms()) {
    try {
      await grants.check({ name: file, candidates: [], file });
    } catch (error) {
      if (!(error instanceof DeniedError)) throw error;
      logger.warn("The policy allows a program in vain: {error}", {
        error: error.message,
      });
    }
  }
}
