/**
 * The process groups of commands.
 *
 * @module
 */

import type { Agent } from "../_agent.ts";
import { until } from "../_bounded.ts";
import { membersOf } from "../_proc.ts";
import type { Wire } from "../_wire.ts";

/** A session whose command runs. */
export interface Started {
  /** Its connection. */
  readonly wire: Wire;
  /** The command's process group. */
  readonly group: number;
}

/**
 * Starts a shell script, and waits until its group has as many processes.
 *
 * @param agent The agent.
 * @param script The script.
 * @param processes How many.
 * @param fields More fields of the `exec` frame.
 */
export async function startScript(
  agent: Agent,
  script: string,
  processes: number,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<Started> {
  const argv = ["sh", "-c", script];
  const wire = await agent.open({ type: "exec", argv, ...fields });
  const group = await wire.expectStarted();
  await until(
    () => membersOf(group).length === processes,
    () => `${processes} processes of ${script}, not ${show(group)}`,
  );
  return { wire, group };
}

/**
 * Stops a group by SIGSTOP, and waits until it stands still.
 *
 * @param group The group.
 */
export async function stopGroup(group: number): Promise<void> {
  Deno.kill(-group, "SIGSTOP");
  await until(
    () => membersOf(group).every(({ state }) => state === "T"),
    () => `the stop of ${show(group)}`,
  );
}

/**
 * Waits until nobody of a group is left.
 *
 * @param group The group.
 * @returns How long that took, in milliseconds.
 */
export async function untilGone(group: number): Promise<number> {
  const start = performance.now();
  await until(
    () => membersOf(group).length === 0,
    () => `the end of ${show(group)}`,
  );
  return performance.now() - start;
}

function show(group: number): string {
  return JSON.stringify(membersOf(group));
}
