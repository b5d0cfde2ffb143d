/**
 * Shell scripts in a guest, by any of its agents.
 *
 * @module
 */

import { output, type RemoteOutput, type Target } from "../../client/mod.ts";
import { text } from "../_wire.ts";

/**
 * Runs a shell script in a guest to its end, and checks that it succeeds.
 *
 * @param target The agent.
 * @param script The script.
 * @param args Its arguments, `$1` and on.
 * @returns What it wrote to standard output, without the last newline.
 */
export async function sh(
  target: Target,
  script: string,
  ...args: readonly string[]
): Promise<string> {
  const { code, stdout, stderr } = await trySh(target, script, ...args);
  if (code !== 0) {
    throw new Error(`"${script}" ended with ${code}: ${text(stderr)}`);
  }
  return text(stdout).trimEnd();
}

/**
 * Runs a shell script in a guest to its end.
 *
 * @param target The agent.
 * @param script The script.
 * @param args Its arguments, `$1` and on.
 */
export async function trySh(
  target: Target,
  script: string,
  ...args: readonly string[]
): Promise<RemoteOutput> {
  return await output(target, ["sh", "-c", script, "sh", ...args]);
}
