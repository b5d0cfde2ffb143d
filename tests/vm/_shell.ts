/**
 * Shell scripts in a guest, by any of its agents.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  output,
  type RemoteOutput,
  type RemoteProcess,
  spawn,
  type SpawnOptions,
  type Target,
} from "../../client/mod.ts";
import { within } from "../_bounded.ts";
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

/**
 * Starts a shell script in a guest, and waits until it has written `ready`, and a
 * newline. What else it writes is dropped.
 *
 * @param target The agent.
 * @param script The script.
 * @param args Its arguments, `$1` and on.
 * @param options Its time limit and the like.
 */
export async function startReady(
  target: Target,
  script: string,
  args: readonly string[] = [],
  options: Pick<SpawnOptions, "timeout" | "limits"> = {},
): Promise<RemoteProcess> {
  const process = await spawn(target, ["sh", "-c", script, "sh", ...args], {
    ...options,
    stdin: "null",
    stderr: "null",
  });
  const reader = process.stdout.getReader();
  const { value } = await within(reader.read(), "the command");
  assertEquals(text(value!), "ready\n");
  reader.releaseLock();
  // What else it writes must not hold its status up.
  await process.stdout.cancel();
  return process;
}
