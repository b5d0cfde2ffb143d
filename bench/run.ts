/**
 * What the measurements of one run share.
 *
 * @module
 */

import type { Tool } from "../packaging/tools.ts";
import { lacks } from "../tests/_tools.ts";
import type { Jobs } from "./jobs.ts";
import type { Row, ScaleSeries, Skipped } from "./result.ts";
import type { Subject, Subjects } from "./subjects.ts";

/** Carries bytes between a socket and anything else. */
export const SOCAT: Tool = {
  name: "socat",
  install: "apt-get install socat",
};

/** The client of OpenSSH. */
export const SSH: Tool = {
  name: "ssh",
  install: "apt-get install openssh-client",
};

/** The server of OpenSSH. */
export const SSHD: Tool = {
  name: "sshd",
  install: "apt-get install openssh-server",
};

/** One run of the benchmarks. */
export interface Run {
  /** How many rounds are measured. */
  readonly rounds: number;
  /** For how long idle agents are watched, in seconds. */
  readonly idleSeconds: number;
  /** What is measured. */
  readonly subjects: Subjects;
  /** The processes. */
  readonly jobs: Jobs;
  /** A folder for sockets and logs, which is removed in the end. */
  readonly folder: string;
  /** What was measured so far. */
  readonly rows: Row[];
  /** How agents fare with many sessions. */
  readonly scale: ScaleSeries[];
  /** What was not measured. */
  readonly skipped: Skipped[];
  /** Which measurements failed. */
  readonly failed: Skipped[];
  /**
   * Says how far it is, to people.
   *
   * @param text What is under way.
   */
  progress(text: string): void;
}

/** Something that can be measured. */
export interface Measurement {
  /** What `--only` calls it. */
  readonly name: string;
  /**
   * Measures it.
   *
   * @param run The run, which takes the rows.
   */
  measure(run: Run): Promise<void>;
}

/**
 * Measures one after the other. One that fails is noted, and the others are
 * measured all the same.
 *
 * @param run The run, which takes the rows.
 * @param measurements What to measure.
 * @throws {ToolError} If the run is ended meanwhile.
 */
export async function measureAll(
  run: Run,
  measurements: readonly Measurement[],
): Promise<void> {
  for (const measurement of measurements) {
    try {
      await measurement.measure(run);
    } catch (error) {
      if (run.jobs.stopped) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      run.failed.push({ what: measurement.name, reason });
    }
  }
}

/**
 * Returns the agents that can be started, this project's first.
 *
 * @param run The run.
 * @param own This project's.
 */
export function agentsOf(run: Run, own = run.subjects.own): Subject[] {
  const { peer } = run.subjects;
  return peer?.serve ? [own, peer] : [own];
}

/**
 * Asks for tools: unless they are installed, the run notes that what they are
 * for is not measured, and what to install.
 *
 * @param run The run.
 * @param what What they are for.
 * @param tools The tools.
 * @returns Whether they are installed.
 */
export function requireOrSkip(
  run: Run,
  what: string,
  ...tools: readonly Tool[]
): boolean {
  const missing = tools.filter(({ name }) => lacks(name));
  if (missing.length === 0) return true;
  const names = missing.map(({ name }) => name).join(" and ");
  skip(
    run,
    what,
    `${names} not installed: ${
      missing.map(({ install }) => install).join("; ")
    }`,
  );
  return false;
}

/**
 * Notes what is not measured, once.
 *
 * @param run The run.
 * @param what What.
 * @param reason Why not, and what to do about it.
 */
export function skip(run: Run, what: string, reason: string): void {
  if (run.skipped.some((skipped) => skipped.what === what)) return;
  run.skipped.push({ what, reason });
}
