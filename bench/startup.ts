/**
 * How long the programs take to start, and how large they are.
 *
 * @module
 */

import { emptyProgram } from "./empty_program.ts";
import { atMost, references } from "./result.ts";
import { agentsOf, type Measurement, type Run, skip } from "./run.ts";
import { openSharedConnection } from "./ssh.ts";
import { median, Rounds } from "./statistics.ts";
import { startAgent, type Subject, untilListening } from "./subjects.ts";

/** How many times each program is run in a round. */
const RUNS = 8;

const EMPTY = "empty program";
/** How much more than an empty program a client may take, in milliseconds. */
const CLIENT_MARGIN = 15;
/** How long an agent may take to listen, in milliseconds. */
const LISTEN_LIMIT = 40;

/** A whole client process that runs `true`. */
export const client: Measurement = {
  name: "client",
  async measure(run) {
    const own = run.subjects.binary ?? run.subjects.own;
    const { peer } = run.subjects;
    await using agent = await startAgent(run, own);
    await using other = peer?.serve && await startAgent(run, peer);
    const empty = await emptyCommand(run);
    const ssh = await openSharedConnection(run);
    const commands = commandsByName([
      [own.name, own.client!(agent.socket, ["true"])],
      [EMPTY, empty],
      ["peer", peer?.client?.((other ?? agent).socket, ["true"])],
      ["OpenSSH", ssh?.command("true")],
    ]);
    const rounds = new Rounds();
    for (let round = 0; round < run.rounds; round++) {
      run.progress(`client: round ${round + 1}`);
      for (const [name, command] of commands) {
        rounds.add(name, await medianOf(() => run.jobs.run(command)));
      }
    }

    const value = rounds.median(own.name)!;
    const bound = rounds.median(EMPTY);
    run.rows.push({
      measurement: "client",
      what: `client, whole (${own.name})`,
      unit: "ms",
      value,
      rounds: rounds.all(own.name),
      ...(bound !== undefined && { bound: { what: EMPTY, value: bound } }),
      others: references(
        ["peer", rounds.median("peer")],
        ["OpenSSH", rounds.median("OpenSSH")],
      ),
      targets: own === run.subjects.binary && bound !== undefined
        ? atMost(value, bound + CLIENT_MARGIN, `bound + ${CLIENT_MARGIN} ms`)
        : [],
    });
  },
};

/** An agent from its start until it listens. */
export const start: Measurement = {
  name: "start",
  async measure(run) {
    const own = run.subjects.binary;
    if (!own) return skipCompiled(run, "start to listening");
    const empty = await emptyCommand(run);
    const rounds = new Rounds();
    for (let round = 0; round < run.rounds; round++) {
      run.progress(`start: round ${round + 1}`);
      for (const subject of agentsOf(run, own)) {
        const time = await medianOf(() => timeStart(run, subject));
        rounds.add(subject.name, time);
      }
      if (empty) rounds.add(EMPTY, await medianOf(() => run.jobs.run(empty)));
    }

    const value = rounds.median(own.name)!;
    const bound = rounds.median(EMPTY);
    run.rows.push({
      measurement: "start",
      what: `start to listening (${own.name})`,
      unit: "ms",
      value,
      rounds: rounds.all(own.name),
      ...(bound !== undefined && { bound: { what: EMPTY, value: bound } }),
      others: references(["peer", rounds.median("peer")]),
      targets: atMost(value, LISTEN_LIMIT, `${LISTEN_LIMIT} ms`),
    });
  },
};

/** The size of the binary. */
export const size: Measurement = {
  name: "size",
  async measure(run) {
    const { executable } = run.subjects;
    if (executable === undefined) return skipCompiled(run, "size");
    const empty = await emptyProgram(run);
    run.rows.push({
      measurement: "size",
      what: "size of the binary",
      unit: "MB",
      value: await megabytes(executable),
      ...(empty !== undefined &&
        { bound: { what: EMPTY, value: await megabytes(empty) } }),
    });
  },
};

/** Returns the median of all runs of a round, in milliseconds. */
async function medianOf(measure: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  for (let left = RUNS; left > 0; left--) times.push(await measure());
  return median(times);
}

let starts = 0;

async function timeStart(run: Run, { serve }: Subject): Promise<number> {
  const socket = `${run.folder}/start-${starts++}.sock`;
  const start = performance.now();
  await using job = run.jobs.start(serve!(socket), { stderr: "null" });
  await untilListening(socket, job);
  return performance.now() - start;
}

/** An empty program of the kind that the client is. */
async function emptyCommand(run: Run): Promise<string[] | undefined> {
  if (run.subjects.binary) {
    const program = await emptyProgram(run);
    return program === undefined ? undefined : [program];
  }
  const script = `${run.folder}/empty.ts`;
  await Deno.writeTextFile(script, "");
  return [Deno.execPath(), "run", "--quiet", "--no-config", script];
}

function commandsByName(
  commands: readonly (readonly [string, readonly string[] | undefined])[],
): (readonly [string, readonly string[]])[] {
  return commands.flatMap(([name, command]) =>
    command ? [[name, command] as const] : []
  );
}

function skipCompiled(run: Run, what: string): void {
  skip(
    run,
    what,
    "no compiled binary: deno task compile, or name one by --agent",
  );
}

async function megabytes(path: string): Promise<number> {
  return (await Deno.stat(path)).size / 1e6;
}
