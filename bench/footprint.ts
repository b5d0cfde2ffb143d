/**
 * What an agent costs its machine: memory in use and after use, and what it does
 * while there is nothing to do.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { emptyProgram } from "./empty_program.ts";
import { receive, runMany, runTrue, send } from "./load_generator.ts";
import {
  activityBetween,
  readActivity,
  readMemory,
  resetPeak,
} from "./process_status.ts";
import { atMost, references } from "./result.ts";
import { agentsOf, type Measurement, type Run } from "./run.ts";
import { Rounds } from "./statistics.ts";
import { startAgent, type Subject } from "./subjects.ts";

const GIB = 1024 ** 3;
const SESSIONS = 10_000;
const CLIENTS = 10;
/** How long an agent is left alone before its memory is read, in milliseconds. */
const SETTLE = 1500;
/** How long the runtime may tidy up before an idle agent is watched. */
const QUIET = 4000;

/** The lines, and the most that each may be in MB. */
const MEMORY = [
  ["idle", 40],
  ["peak, streaming 1 GiB", 90],
  ["after 1 GiB", undefined],
  ["after 10 GiB", undefined],
  [`after ${SESSIONS.toLocaleString("en")} sessions`, 60],
] as const;

/** Resident memory. */
export const memory: Measurement = {
  name: "memory",
  async measure(run) {
    const own = run.subjects.binary ?? run.subjects.own;
    const figures = new Rounds();
    for (const subject of agentsOf(run, own)) {
      await stream(run, subject, figures);
      await runSessions(run, subject, figures);
    }
    const empty = await idleEmptyProgram(run);
    for (const [what, limit] of MEMORY) {
      const value = figures.median(`${own.name} ${what}`)!;
      run.rows.push({
        measurement: "memory",
        what: `RSS ${what} (${own.name})`,
        unit: "MB",
        value,
        ...(empty !== undefined &&
          { bound: { what: "empty program", value: empty } }),
        others: references(
          ["peer", figures.median(`peer ${what}`)],
          ["own pages", figures.median(`${own.name} anonymous ${what}`)],
        ),
        targets: atMost(value, limit, `${limit} MB`),
      });
    }
  },
};

/** Reads the memory of an agent before, while and after it carries bytes. */
async function stream(
  run: Run,
  subject: Subject,
  figures: Rounds,
): Promise<void> {
  await using agent = await startAgent(run, subject);
  run.progress(`memory: ${subject.name}, idle`);
  await settle("idle");
  resetPeak(agent.pid);
  run.progress(`memory: ${subject.name}, 1 GiB`);
  await carry(1);
  const { peak } = readMemory(agent.pid);
  figures.add(`${subject.name} peak, streaming 1 GiB`, peak / 1e6);
  await settle("after 1 GiB");
  // This would take a slow one too long.
  if (subject === run.subjects.peer) return;
  for (let done = 1; done < 10; done++) {
    run.progress(`memory: ${subject.name}, ${done + 1} GiB`);
    await carry(1);
  }
  await settle("after 10 GiB");

  /** One half out, one half in. */
  async function carry(gibibytes: number) {
    await receive(agent, gibibytes * GIB / 2);
    await send(agent, gibibytes * GIB / 2);
  }
  async function settle(what: string) {
    await delay(SETTLE);
    note(figures, subject, what, agent.pid);
  }
}

async function runSessions(
  run: Run,
  subject: Subject,
  figures: Rounds,
): Promise<void> {
  await using agent = await startAgent(run, subject);
  run.progress(`memory: ${subject.name}, ${SESSIONS} sessions`);
  await runMany(agent, SESSIONS, CLIENTS);
  await delay(SETTLE);
  note(figures, subject, MEMORY.at(-1)![0], agent.pid);
}

function note(
  figures: Rounds,
  { name }: Subject,
  what: string,
  pid: number,
): void {
  const { rss, anonymous } = readMemory(pid);
  figures.add(`${name} ${what}`, rss / 1e6);
  figures.add(`${name} anonymous ${what}`, anonymous / 1e6);
}

/** Returns the memory of a program that does nothing for ever, in MB. */
async function idleEmptyProgram(run: Run): Promise<number | undefined> {
  if (!run.subjects.binary) return undefined;
  const program = await emptyProgram(run);
  if (program === undefined) return undefined;
  await using job = run.jobs.start([program, "stay"]);
  await delay(SETTLE);
  return readMemory(job.pid).rss / 1e6;
}

/** Processor time and wakeups of an agent that has nothing to do. */
export const idle: Measurement = {
  name: "idle",
  async measure(run) {
    await using stack = new AsyncDisposableStack();
    const own = run.subjects.binary ?? run.subjects.own;
    const agents = [];
    for (const subject of agentsOf(run, own)) {
      const agent = stack.use(await startAgent(run, subject));
      await runTrue(agent);
      agents.push(agent);
    }
    run.progress(`idle: ${run.idleSeconds} s`);
    await delay(QUIET);
    const before = agents.map(({ pid }) => readActivity(pid));
    await delay(run.idleSeconds * 1000);
    const [activity, peer] = agents.map(({ pid }, index) =>
      activityBetween(before[index]!, readActivity(pid))
    );
    const { sleeps, time } = activity!;
    const common = { measurement: "idle" } as const;
    const suffix = `idle for ${run.idleSeconds} s (${own.name})`;
    run.rows.push({
      ...common,
      what: `wakeups, ${suffix}`,
      unit: "wakeups",
      value: sleeps,
      others: references(["peer", peer?.sleeps]),
      targets: atMost(sleeps, 0, "0"),
    }, {
      ...common,
      what: `CPU, ${suffix}`,
      unit: "ms",
      value: time,
      others: references(["peer", peer?.time]),
      targets: atMost(time, 0, "0 ms"),
    });
  },
};
