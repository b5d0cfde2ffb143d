/**
 * What the parts of the fuzzer have in common.
 *
 * @module
 */

/** What a part needs to know of a run. */
export interface PartRun {
  /** What all inputs derive from, together with their indices: a 32-bit integer. */
  readonly seed: number;
}

/** Inputs by their indices. */
export interface Batch {
  /** The first. */
  readonly from: number;
  /** The one behind the last. */
  readonly to: number;
}

/** A part that has what it needs, such as an agent. It ends with it. */
export interface OpenPart extends AsyncDisposable {
  /**
   * Tries inputs, and looks after them whether all is as before.
   *
   * @param batch Which inputs.
   * @throws {Finding} If something is wrong with one of them.
   * @throws {Error} If something is wrong behind them.
   */
  run(batch: Batch): Promise<void>;
}

/** A part of the fuzzer: one subject, and what it is given. */
export interface Part {
  /** What it is called. */
  readonly name: string;
  /** How many inputs it tries unless told otherwise. */
  readonly inputs: number;
  /** How many inputs it tries between two looks at what is left behind. */
  readonly batch: number;
  /** Which share of a limited time it gets, of 1. */
  readonly share: number;
  /**
   * Gets what it needs.
   *
   * @param run The run.
   */
  open(run: PartRun): Promise<OpenPart>;
}

/** Thrown when an input shows that something is wrong. */
export class Finding extends Error {
  override readonly name = "Finding";
  /** The input's index. */
  readonly index: number;

  /**
   * @param index The input's index.
   * @param input The input, for people.
   * @param cause What is wrong.
   */
  constructor(index: number, input: string, cause: unknown) {
    const text = input.length > MAX_INPUT
      ? `${input.slice(0, MAX_INPUT)}… (${input.length} characters)`
      : input;
    super(`${messageOf(cause)}\n  with input ${index}: ${text}`, { cause });
    this.index = index;
  }
}

/** How much of an input is shown, in characters. */
const MAX_INPUT = 4000;

/**
 * Tries the inputs of a batch, several at a time.
 *
 * @param batch Which inputs.
 * @param parallel How many at a time.
 * @param attempt Tries one; what it throws ends the batch.
 */
export async function runParallel(
  { from, to }: Batch,
  parallel: number,
  attempt: (index: number) => Promise<void>,
): Promise<void> {
  let next = from;
  async function work(): Promise<void> {
    while (next < to) {
      try {
        await attempt(next++);
      } catch (error) {
        next = to;
        throw error;
      }
    }
  }
  const results = await Promise.allSettled(
    Array.from({ length: parallel }, work),
  );
  for (const result of results) {
    if (result.status === "rejected") throw result.reason;
  }
}

/**
 * Returns what went wrong first, where the cleaning up behind it failed too.
 *
 * @param error What was thrown.
 */
export function firstFailure(error: unknown): unknown {
  return error instanceof SuppressedError
    ? firstFailure(error.suppressed)
    : error;
}

/**
 * Returns the words of what was thrown.
 *
 * @param error What was thrown.
 */
export function messageOf(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message}`
    : String(error);
}
