/**
 * How long `true` takes through an agent, and how many of it a second has.
 *
 * @module
 */

import { runTrueBlocking } from "./blocking_exec.ts";
import { spawnTrue } from "./floor.ts";
import { runMany, runTrue } from "./load_generator.ts";
import { atLeast, atMost, references, times } from "./result.ts";
import { agentsOf, type Measurement, type Run } from "./run.ts";
import { percentile, Rounds } from "./statistics.ts";
import { CANNED, type RunningAgent, startAgent } from "./subjects.ts";

/** How many times `true` is run in a round. */
const EXECS = 400;
/** How many times before the first round, until the code is compiled. */
const WARM_UP = 200;
/** How many times in a round by several clients. */
const MANY = 1000;
const CLIENTS = [10, 50] as const;

const FLOOR = "spawn and wait";

/** The round trip of `true` with one connection each. */
export const exec: Measurement = {
  name: "exec",
  async measure(run) {
    await using stack = new AsyncDisposableStack();
    const agents = await startAll(run, stack);
    const p50 = new Rounds();
    const p99 = new Rounds();
    for (let round = 0; round < run.rounds; round++) {
      run.progress(`exec: round ${round + 1}`);
      for (const agent of agents) {
        add(agent.subject.name, timeExecs(() => runTrueBlocking(agent)));
      }
      add(FLOOR, timeExecs(spawnTrue));
    }
    function add(name: string, times: readonly number[]) {
      p50.add(name, percentile(times, 50));
      p99.add(name, percentile(times, 99));
    }

    const own = run.subjects.own.name;
    for (
      const [name, rounds] of [["p50", p50], ["p99", p99]] as const
    ) {
      const value = rounds.median(own)!;
      const floor = rounds.median(FLOOR)!;
      const peer = rounds.median("peer");
      run.rows.push({
        measurement: "exec",
        what: `exec of true, ${name}`,
        unit: "ms",
        value,
        rounds: rounds.all(own),
        bound: { what: FLOOR, value: floor },
        others: references(["peer", peer]),
        targets: name === "p50"
          ? [
            ...atMost(value, 1.6 * floor, "1.6x"),
            ...atMost(value, times(0.8, peer), "0.8 peer"),
          ]
          : [],
        ceiling: rounds.median(CANNED.name)!,
      });
    }
  },
};

/** Sessions a second with several clients. */
export const sessions: Measurement = {
  name: "sessions",
  async measure(run) {
    await using stack = new AsyncDisposableStack();
    const agents = await startAll(run, stack);
    const rounds = new Rounds();
    for (let round = 0; round < run.rounds; round++) {
      run.progress(`sessions: round ${round + 1}`);
      for (const clients of CLIENTS) {
        for (const agent of agents) {
          const time = await runMany(agent, MANY, clients);
          rounds.add(`${agent.subject.name} ${clients}`, 1000 * MANY / time);
        }
      }
      const start = performance.now();
      timeExecs(spawnTrue);
      rounds.add(FLOOR, 1000 * EXECS / (performance.now() - start));
    }

    const own = run.subjects.own.name;
    for (const clients of CLIENTS) {
      const value = rounds.median(`${own} ${clients}`)!;
      const peer = rounds.median(`peer ${clients}`);
      run.rows.push({
        measurement: "sessions",
        what: `sessions by ${clients} clients`,
        unit: "1/s",
        value,
        rounds: rounds.all(`${own} ${clients}`),
        bound: { what: FLOOR, value: rounds.median(FLOOR)! },
        others: references(["peer", peer]),
        targets: atLeast(value, times(1.2, peer), "1.2 peer"),
        ceiling: rounds.median(`${CANNED.name} ${clients}`)!,
      });
    }
  },
};

async function startAll(
  run: Run,
  stack: AsyncDisposableStack,
): Promise<RunningAgent[]> {
  const agents: RunningAgent[] = [];
  for (const subject of [...agentsOf(run), CANNED]) {
    const agent = stack.use(await startAgent(run, subject));
    for (let left = WARM_UP; left > 0; left--) await runTrue(agent);
    agents.push(agent);
  }
  return agents;
}

function timeExecs(measure: () => number): number[] {
  return Array.from({ length: EXECS }, measure);
}
