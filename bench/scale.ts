/**
 * How an agent fares with many sessions.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { processStat } from "../tests/_proc.ts";
import {
  execRequest,
  type Listener,
  runTrue,
  Session,
} from "./load_generator.ts";
import { readMemory } from "./process_status.ts";
import type { ScalePoint } from "./result.ts";
import { agentsOf, type Measurement, type Run, skip } from "./run.ts";
import { percentile } from "./statistics.ts";
import { type RunningAgent, startAgent, type Subject } from "./subjects.ts";

/** How many sessions are idle, one after the other. */
const IDLE = [0, 100, 250, 500, 1000] as const;
/** How many sessions are busy. */
const BUSY = 200;
/** How often each of them sends a line, in milliseconds. */
const INTERVAL = 100;
/** How many sessions are opened at a time. */
const OPENERS = 20;
/** How many descriptors an agent needs for a session, and besides. */
const DESCRIPTORS = { each: 5, besides: 50 } as const;
/** For how long the processor time is measured, in milliseconds. */
const WATCH = 2000;
const EXECS = 300;
const SLEEP = execRequest(["sleep", "1000"]);

/** Many sessions in one agent. */
export const scale: Measurement = {
  name: "scale",
  async measure(run) {
    for (const subject of agentsOf(run)) {
      const points = [
        ...await measureIdle(run, subject),
        ...await measureBusy(run, subject),
      ];
      run.scale.push({ agent: subject.name, points });
    }
  },
};

async function measureIdle(
  run: Run,
  subject: Subject,
): Promise<ScalePoint[]> {
  await using agent = await startAgent(run, subject);
  await warmUp(agent);
  using stack = new DisposableStack();
  const points: ScalePoint[] = [];
  let open = 0;
  for (const sessions of IDLE) {
    if (!hasRoom(run, agent, sessions)) break;
    run.progress(`scale: ${subject.name}, ${sessions} idle sessions`);
    await openMany(sessions - open, async () => {
      stack.use(await Session.open(agent, SLEEP));
    });
    open = sessions;
    points.push(await measurePoint(agent, sessions, false));
  }
  return points;
}

async function measureBusy(
  run: Run,
  subject: Subject,
): Promise<ScalePoint[]> {
  await using agent = await startAgent(run, subject);
  if (!hasRoom(run, agent, BUSY)) return [];
  run.progress(`scale: ${subject.name}, ${BUSY} busy sessions`);
  await warmUp(agent);
  using stack = new DisposableStack();
  const sessions: Session[] = [];
  await openMany(BUSY, async () => {
    sessions.push(stack.use(await Session.openEcho(agent)));
  });
  let over = false;
  const work = Promise.all(sessions.map(async (session, index) => {
    // Not all at the same moment.
    await delay(index * INTERVAL / BUSY);
    while (!over) {
      const time = await session.echo();
      await delay(Math.max(0, INTERVAL - time));
    }
  }));
  try {
    const point = measurePoint(agent, BUSY, true);
    await Promise.race([point, work]);
    return [await point];
  } finally {
    over = true;
    await work;
  }
}

async function measurePoint(
  agent: RunningAgent,
  sessions: number,
  busy: boolean,
): Promise<ScalePoint> {
  await delay(500);
  const before = processStat(agent.pid)!.time;
  const start = performance.now();
  await delay(WATCH);
  const spent = processStat(agent.pid)!.time - before;
  const cpu = 100 * 1000 * spent / (performance.now() - start);
  const times: number[] = [];
  for (let left = EXECS; left > 0; left--) times.push(await runTrue(agent));
  return {
    sessions,
    busy,
    rss: readMemory(agent.pid).rss / 1e6,
    p50: percentile(times, 50),
    p99: percentile(times, 99),
    cpu,
  };
}

/** Lets an agent compile its code, which would show as growth otherwise. */
async function warmUp(agent: Listener): Promise<void> {
  for (let left = EXECS; left > 0; left--) await runTrue(agent);
}

async function openMany(
  count: number,
  open: () => Promise<void>,
): Promise<void> {
  let left = count;
  async function opener() {
    while (left-- > 0) await open();
  }
  await Promise.all(Array.from({ length: OPENERS }, opener));
}

/** Returns whether an agent may have as many open files as sessions need. */
function hasRoom(run: Run, { pid }: RunningAgent, sessions: number): boolean {
  const limits = Deno.readTextFileSync(`/proc/${pid}/limits`);
  const [, limit] = limits.match(/^Max open files\s+(\d+|unlimited)/m)!;
  const needed = sessions * DESCRIPTORS.each + DESCRIPTORS.besides;
  if (limit === "unlimited" || needed <= Number(limit)) return true;
  skip(
    run,
    `${sessions} sessions and more`,
    `the agent would need ${needed} descriptors, and may have ${limit}: ulimit -n`,
  );
  return false;
}
