/**
 * What the benchmarks find out.
 *
 * @module
 */

/** What a figure is counted in. */
export type Unit = "ms" | "MiB/s" | "1/s" | "MB" | "wakeups";

/** A figure to compare with. */
export interface Reference {
  /** Whose it is. */
  readonly what: string;
  /** The figure. */
  readonly value: number;
}

/** A figure that is to be reached. */
export interface Target {
  /** What is to be reached, such as `≤ 40 ms`. */
  readonly goal: string;
  /** Whether it is. */
  readonly reached: boolean;
}

/** One line of the result. */
export interface Row {
  /** The measurement that it comes from, as `--only` names it. */
  readonly measurement: string;
  /** What was measured. */
  readonly what: string;
  /** What it is counted in. */
  readonly unit: Unit;
  /** The figure: the median of the rounds. */
  readonly value: number;
  /** The figure of each round, where there were several. */
  readonly rounds?: readonly number[];
  /** What no agent can do better than. */
  readonly bound?: Reference;
  /** What others do. */
  readonly others?: readonly Reference[];
  /** What is to be reached. */
  readonly targets?: readonly Target[];
  /**
   * What the load generator does with an agent that costs next to nothing. A
   * figure near to this one says more of the generator than of the agent.
   */
  readonly ceiling?: number;
}

/** How an agent fares with some number of sessions. */
export interface ScalePoint {
  /** How many sessions there are. */
  readonly sessions: number;
  /** Whether they do anything. */
  readonly busy: boolean;
  /** The agent's resident memory, in MB. */
  readonly rss: number;
  /** The median round trip of `true` beside them, in milliseconds. */
  readonly p50: number;
  /** Its 99th percentile. */
  readonly p99: number;
  /** How much of one core the agent takes with these sessions alone, in percent. */
  readonly cpu: number;
}

/** How one agent fares. */
export interface ScaleSeries {
  /** The agent's name. */
  readonly agent: string;
  /** The points, by the number of sessions; busy ones last. */
  readonly points: readonly ScalePoint[];
}

/** Something that was not measured, or could not be. */
export interface Skipped {
  /** What. */
  readonly what: string;
  /** Why not, and what to do about it if that is known. */
  readonly reason: string;
}

/** A whole run. */
export interface Result {
  /** When it began. */
  readonly date: string;
  /** The version of this project. */
  readonly version: string;
  /** What it ran on. */
  readonly machine: Readonly<Record<string, string | number>>;
  /** How many rounds were asked for. */
  readonly rounds: number;
  /** What each agent was, by its name in the rows. */
  readonly agents: Readonly<Record<string, string>>;
  /** What was measured. */
  readonly rows: readonly Row[];
  /** How the agents fare with many sessions. */
  readonly scale: readonly ScaleSeries[];
  /** What was not measured. */
  readonly skipped: readonly Skipped[];
  /** Which measurements failed, as `--only` names them. */
  readonly failed: readonly Skipped[];
}

/**
 * Returns the references that have been measured.
 *
 * @param references Whose they are, and the figures.
 */
export function references(
  ...references: readonly (readonly [string, number | undefined])[]
): Reference[] {
  return references.flatMap(([what, value]) =>
    value === undefined ? [] : [{ what, value }]
  );
}

/**
 * Returns the target that a figure doesn't exceed a limit, or none if either
 * has not been measured.
 *
 * @param value The figure.
 * @param limit The limit.
 * @param goal What the target is called; `≤` goes before it.
 */
export function atMost(
  value: number | undefined,
  limit: number | undefined,
  goal: string,
): Target[] {
  if (value === undefined || limit === undefined) return [];
  return [{ goal: `≤ ${goal}`, reached: value <= limit }];
}

/**
 * Returns the target that a figure reaches a limit, or none if either has not
 * been measured.
 *
 * @param value The figure.
 * @param limit The limit.
 * @param goal What the target is called; `≥` goes before it.
 */
export function atLeast(
  value: number | undefined,
  limit: number | undefined,
  goal: string,
): Target[] {
  if (value === undefined || limit === undefined) return [];
  return [{ goal: `≥ ${goal}`, reached: value >= limit }];
}

/**
 * Multiplies a figure that may not have been measured.
 *
 * @param factor By what.
 * @param value The figure.
 */
export function times(
  factor: number,
  value: number | undefined,
): number | undefined {
  return value === undefined ? undefined : factor * value;
}
