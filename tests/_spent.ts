/**
 * What a process costs its machine, whichever that is; see proc(5).
 *
 * @module
 */

/** What a process has spent so far. */
export interface Spent {
  /** Resident memory, in bytes. */
  readonly rss: number;
  /** Processor time, in milliseconds. */
  readonly time: number;
  /** How often each of its threads has gone to sleep, by the thread's id. */
  readonly sleeps: ReadonlyMap<string, number>;
}

/** The shell script that prints what the process `$1` has spent so far. */
export const PRINT_SPENT = `
  cd "/proc/$1"
  grep VmRSS: status
  cut -d ' ' -f 14,15 stat
  grep ^voluntary_ctxt_switches: task/*/status`;

/** How long a tick of a process's time is, in milliseconds. */
const TICK = 10;

/**
 * Parses what {@linkcode PRINT_SPENT} prints.
 *
 * @param text The text.
 */
export function parseSpent(text: string): Spent {
  const [, kilobytes] = text.match(/^VmRSS:\s+(\d+) kB$/m)!;
  const [, user, system] = text.match(/^(\d+) (\d+)$/m)!;
  const sleeps = new Map<string, number>();
  for (
    const [, thread, count] of text.matchAll(/^task\/(\d+)\/.*:\s+(\d+)$/gm)
  ) {
    sleeps.set(thread!, Number(count));
  }
  return {
    rss: Number(kilobytes) * 1024,
    time: (Number(user) + Number(system)) * TICK,
    sleeps,
  };
}

/**
 * Returns how often the threads that a process still has were woken.
 *
 * @param before What it had spent.
 * @param after What it has spent since.
 */
export function countWakeups(before: Spent, after: Spent): number {
  let sum = 0;
  for (const [thread, count] of after.sleeps) {
    sum += count - (before.sleeps.get(thread) ?? 0);
  }
  return sum;
}
