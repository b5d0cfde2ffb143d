/**
 * Faults, and what is true of all of them.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Agent, type AgentOptions, startAgent } from "../_agent.ts";
import { lacks } from "../_tools.ts";
import { text } from "../_wire.ts";
import { Canary } from "./_canary.ts";
import type { Waits } from "./_waits.ts";

/** Something that goes wrong. */
export interface Fault {
  /** What it is, in a few words. */
  readonly name: string;
  /** How the agent is started that it happens to. */
  readonly agent?: AgentOptions;
  /** The programs that it takes. */
  readonly needs?: readonly string[];
  /** Whether it takes root. */
  readonly asRoot?: boolean;
  /** Tells what else it takes that isn't to be had here. */
  readonly lacks?: () => string | undefined;
  /** Whether it ends the agent, so that there are no others to disturb. */
  readonly ends?: boolean;
  /** Whether it can go on for as long as one likes. */
  readonly lasting?: boolean;
  /**
   * Makes it happen, and checks what must hold for the sessions that it happens
   * to. It is over when this ends, and may then be made to happen again.
   *
   * @param agent The agent.
   * @param duration How long it goes on, if it does, in milliseconds.
   * @returns What happened, for people.
   */
  readonly inject: (agent: Agent, duration: number) => Promise<string>;
}

/** What came of a fault. */
export interface FaultResult {
  /** What happened, for people. */
  readonly what: string;
  /** How long the others waited, if there were any. */
  readonly waits?: Waits;
}

/**
 * Tells why a fault cannot be injected here.
 *
 * @param fault The fault.
 * @returns What is missing, or `undefined` if nothing is.
 */
export function missingFor(fault: Fault): string | undefined {
  const { needs = [], asRoot = false } = fault;
  if (asRoot && Deno.uid() !== 0) return "root";
  return needs.find((program) => lacks(program)) ?? fault.lacks?.();
}

/**
 * Injects a fault into an agent of its own, with others beside it. After it the
 * agent must go on as before, without a descriptor or a child more.
 *
 * @param fault The fault.
 * @param duration How long it goes on, or happens again and again, in
 * milliseconds.
 */
export async function runFault(
  fault: Fault,
  duration: number,
): Promise<FaultResult> {
  await using agent = await startAgent(fault.agent);
  if (fault.ends) return { what: await fault.inject(agent, duration) };
  await using canary = await Canary.start(agent.path);
  const start = performance.now();
  let what: string;
  do what = await fault.inject(agent, duration); while (
    performance.now() - start < duration
  );
  const waits = await canary.stop();
  const { stdout, end } = await agent.exec(["echo", "alive"]);
  assertEquals([text(stdout), end.type], ["alive\n", "exit"]);
  return { what, waits };
}
