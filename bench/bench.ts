/**
 * Measures the agent and its client, beside what bounds them and what would be
 * used instead.
 *
 * @module
 */

import { UsageError } from "../cli/command.ts";
import { nearestWord } from "../cli/nearest_word.ts";
import type { ParsedFlags } from "../cli/parse_flags.ts";
import config from "../deno.json" with { type: "json" };
import { progress, runScript, type Script } from "../packaging/_script.ts";
import { echo } from "./echo.ts";
import { exec, sessions } from "./exec.ts";
import { idle, memory } from "./footprint.ts";
import { Jobs } from "./jobs.ts";
import { plotScale } from "./plot.ts";
import type { Result } from "./result.ts";
import { measureAll, type Measurement, type Run } from "./run.ts";
import { scale } from "./scale.ts";
import { client, size, start } from "./startup.ts";
import { parseSubjects } from "./subjects.ts";
import { formatResult } from "./table.ts";
import { throughput } from "./throughput.ts";

const MEASUREMENTS: readonly Measurement[] = [
  ...[exec, sessions, throughput, echo, client, start],
  ...[memory, idle, size, scale],
];
const NAMES = MEASUREMENTS.map(({ name }) => name);

const DEFAULT_ROUNDS = 5;
const MAX_ROUNDS = 1000;
const DEFAULT_IDLE_SECONDS = 10;
const MAX_IDLE_SECONDS = 3600;

const SCRIPT: Script = {
  usage: "deno task bench [FLAGS]",
  flags: [
    {
      name: "json",
      description: "Print the whole result as JSON rather than as a table",
    },
    {
      name: "rounds",
      value: "N",
      description:
        `How many rounds to take the median of (default ${DEFAULT_ROUNDS})`,
    },
    {
      name: "only",
      value: "NAME,…",
      description: `Measure only these: ${NAMES.join(", ")}`,
    },
    {
      name: "agent",
      value: "FILE",
      description:
        "The compiled binary to measure (default: the source, and dist/cocoon-agent for what a binary alone can tell)",
    },
    {
      name: "peer-serve",
      value: "CMD",
      description:
        "The command of another agent of this protocol, to compare with; {socket} in it stands for the path of the unix socket to listen on",
    },
    {
      name: "peer-client",
      value: "CMD",
      description:
        "The command of another client, which gets what it is to run as more arguments; {socket} stands for where the agent listens",
    },
    {
      name: "idle-seconds",
      value: "N",
      description:
        `For how long to watch an idle agent (default ${DEFAULT_IDLE_SECONDS})`,
    },
    {
      name: "svg",
      value: "FILE",
      description: "Draw how it goes with many sessions, to this file",
    },
  ],
  run,
};

async function run(
  flags: ParsedFlags,
  stopped: Promise<number>,
): Promise<void> {
  const measurements = parseOnly(flags.get("only"));
  const svg = flags.get("svg");
  if (svg !== undefined && !measurements.includes(scale)) {
    throw new UsageError("--svg draws what scale measures: --only lacks it");
  }
  const rounds = flags.integer("rounds", 1, MAX_ROUNDS) ?? DEFAULT_ROUNDS;
  const idleSeconds = flags.integer("idle-seconds", 1, MAX_IDLE_SECONDS) ??
    DEFAULT_IDLE_SECONDS;
  const subjects = parseSubjects(flags);
  const date = new Date().toISOString();

  const folder = await Deno.makeTempDir({ prefix: "cocoon-agent-bench-" });
  try {
    await using jobs = new Jobs();
    const state: Run = {
      ...{ rounds, idleSeconds, subjects, jobs, folder },
      ...{ rows: [], scale: [], skipped: [], failed: [], progress },
    };
    const exitCode = await Promise.race([
      stopped,
      measureAll(state, measurements),
    ]);
    if (exitCode !== undefined) {
      Deno.exitCode = exitCode;
      return;
    }
    const { rows, skipped, failed } = state;
    if (failed.length > 0) Deno.exitCode = 1;
    const measured = [subjects.own, subjects.binary, subjects.peer]
      .filter((subject) => subject !== undefined);
    const result: Result = {
      date,
      version: config.version,
      machine: await describeMachine(),
      rounds,
      agents: Object.fromEntries(
        measured.map(({ name, description }) => [name, description]),
      ),
      ...{ rows, scale: state.scale, skipped, failed },
    };
    if (svg !== undefined && result.scale.length > 0) {
      await Deno.writeTextFile(svg, plotScale(result.scale));
    }
    console.log(
      flags.has("json")
        ? JSON.stringify(result, null, 2)
        : formatResult(result),
    );
  } finally {
    progress();
    await Deno.remove(folder, { recursive: true });
  }
}

function parseOnly(only: string | undefined): readonly Measurement[] {
  if (only === undefined) return MEASUREMENTS;
  const given = only.split(",");
  for (const name of given) {
    if (NAMES.includes(name)) continue;
    const nearest = nearestWord(name, NAMES);
    throw new UsageError(
      `--only: nothing is called "${name}"${
        nearest === undefined
          ? `, only ${NAMES.join(", ")}`
          : `; did you mean "${nearest}"?`
      }`,
    );
  }
  return MEASUREMENTS.filter(({ name }) => given.includes(name));
}

async function describeMachine(): Promise<Record<string, string | number>> {
  const processors = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const [, model] = processors.match(/^model name\s*:\s*(.+)$/m) ?? [];
  return {
    ...(model && { CPU: model }),
    cores: navigator.hardwareConcurrency,
    Linux: Deno.osRelease().split("-")[0]!,
    Deno: Deno.version.deno,
  };
}

if (import.meta.main) await runScript(SCRIPT, Deno.args);
