/**
 * How long a line takes to a command and back, as somebody who types feels it.
 *
 * @module
 */

import { Cat } from "./floor.ts";
import { Session } from "./load_generator.ts";
import { atMost, references } from "./result.ts";
import { agentsOf, type Measurement } from "./run.ts";
import { percentile, Rounds } from "./statistics.ts";
import { CANNED, startAgent } from "./subjects.ts";

/** How many lines are sent in a round. */
const LINES = 500;
/** How many before the first round, until the code is compiled. */
const WARM_UP = 500;

const FLOOR = "cat on pipes";
/** What is to be reached at p50, in milliseconds. */
const TARGETS = { pipe: 0.25, pty: 0.4 } as const;

/** One line through `cat` at a time. */
export const echo: Measurement = {
  name: "echo",
  async measure(run) {
    await using stack = new AsyncDisposableStack();
    const own = run.subjects.own.name;
    const subjects: [string, () => number | Promise<number>][] = [];
    for (const subject of [...agentsOf(run), CANNED]) {
      const agent = stack.use(await startAgent(run, subject));
      const pipe = stack.use(await Session.openEcho(agent));
      subjects.push([`${subject.name} pipe`, () => pipe.echo()]);
      // Terminals are an extension, which a peer need not have.
      if (subject !== run.subjects.own) continue;
      const pty = stack.use(await Session.openEcho(agent, true));
      subjects.push([`${subject.name} pty`, () => pty.echo()]);
    }
    const cat = stack.use(new Cat());
    subjects.push([FLOOR, () => cat.echo()]);

    for (const [, measure] of subjects) await timeLines(measure, WARM_UP);
    const p50 = new Rounds();
    const p99 = new Rounds();
    for (let round = 0; round < run.rounds; round++) {
      run.progress(`echo: round ${round + 1}`);
      for (const [name, measure] of subjects) {
        const times = await timeLines(measure, LINES);
        p50.add(name, percentile(times, 50));
        p99.add(name, percentile(times, 99));
      }
    }

    for (const kind of ["pipe", "pty"] as const) {
      for (
        const [name, rounds] of [["p50", p50], ["p99", p99]] as const
      ) {
        const value = rounds.median(`${own} ${kind}`)!;
        const limit = TARGETS[kind];
        run.rows.push({
          measurement: "echo",
          what: `echo on a ${kind}, ${name}`,
          unit: "ms",
          value,
          rounds: rounds.all(`${own} ${kind}`),
          bound: { what: FLOOR, value: rounds.median(FLOOR)! },
          others: references(["peer", rounds.median(`peer ${kind}`)]),
          targets: name === "p50" ? atMost(value, limit, `${limit} ms`) : [],
          ...(kind === "pipe" &&
            { ceiling: rounds.median(`${CANNED.name} pipe`)! }),
        });
      }
    }
  },
};

async function timeLines(
  measure: () => number | Promise<number>,
  count: number,
): Promise<number[]> {
  const times: number[] = [];
  for (let left = count; left > 0; left--) times.push(await measure());
  return times;
}
