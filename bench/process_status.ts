/**
 * What the kernel tells of a process, see proc(5).
 *
 * @module
 */

/** The memory of a process, in bytes. */
export interface Memory {
  /** What is resident. */
  readonly rss: number;
  /** What of it is its own, and not of a file that others may share. */
  readonly anonymous: number;
  /** The most that was resident since {@linkcode resetPeak}. */
  readonly peak: number;
}

/**
 * Reads how much memory a process has.
 *
 * @param pid The process.
 */
export function readMemory(pid: number): Memory {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const field = (name: string) => {
    const [, kilobytes] = status.match(`\n${name}:\\s+(\\d+) kB\n`)!;
    return Number(kilobytes) * 1024;
  };
  return {
    rss: field("VmRSS"),
    anonymous: field("RssAnon"),
    peak: field("VmHWM"),
  };
}

/**
 * Forgets the most memory that a process has had so far.
 *
 * @param pid The process.
 */
export function resetPeak(pid: number): void {
  Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** What a thread has done so far. */
export interface ThreadActivity {
  /** How often it has gone to sleep by itself. */
  readonly sleeps: number;
  /** How long it has run, in milliseconds; `NaN` if the kernel doesn't tell. */
  readonly time: number;
}

/**
 * Reads what the threads of a process have done so far.
 *
 * @param pid The process.
 * @returns The threads by their ids.
 */
export function readActivity(pid: number): Map<string, ThreadActivity> {
  const threads = new Map<string, ThreadActivity>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${name}`;
    const status = readIfThere(`${folder}/status`);
    if (status === undefined) continue;
    const [, sleeps] = status.match(/^voluntary_ctxt_switches:\s+(\d+)$/m)!;
    const [nanoseconds] = readIfThere(`${folder}/schedstat`)?.split(" ") ?? [];
    threads.set(name, {
      sleeps: Number(sleeps),
      time: Number(nanoseconds) / 1e6,
    });
  }
  return threads;
}

/**
 * Returns what the threads of a process did between two moments.
 *
 * @param before What they had done at the first.
 * @param after What those that there still are had done at the second.
 */
export function activityBetween(
  before: ReadonlyMap<string, ThreadActivity>,
  after: ReadonlyMap<string, ThreadActivity>,
): ThreadActivity {
  let sleeps = 0;
  let time = 0;
  for (const [id, thread] of after) {
    const earlier = before.get(id);
    sleeps += thread.sleeps - (earlier?.sleeps ?? 0);
    time += thread.time - (earlier?.time ?? 0);
  }
  return { sleeps, time };
}

/** A thread may end at any time. */
function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
