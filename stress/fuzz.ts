/**
 * Fuzzes the codecs, the agent and the client.
 *
 * @module
 */

import { UsageError } from "../cli/command.ts";
import type { ParsedFlags } from "../cli/parse_flags.ts";
import { progress, runScript, type Script } from "../packaging/_script.ts";
import { within } from "../tests/_bounded.ts";
import { agentSessions } from "./agent_sessions.ts";
import { clientCalls } from "./client_calls.ts";
import { clientCommands } from "./client_commands.ts";
import { codec } from "./codec.ts";
import {
  type Batch,
  Finding,
  firstFailure,
  messageOf,
  type Part,
  type PartRun,
} from "./part.ts";
import { drawSeed } from "./random.ts";

const PARTS: readonly Part[] = [
  codec,
  agentSessions,
  clientCalls,
  clientCommands,
];
const NAMES = PARTS.map(({ name }) => name).join(", ");

const MAX_U32 = 0xffffffff;
const MAX_MINUTES = 7 * 24 * 60;
/** How long a batch may take, in milliseconds: a hang is a failure. */
const BATCH_PATIENCE = 120_000;

const SCRIPT: Script = {
  usage: "deno task fuzz [FLAGS]",
  flags: [
    {
      name: "minutes",
      value: "N",
      description: `Go on for this long (default: ${
        PARTS.map(({ name, inputs }) => `${inputs} inputs of ${name}`)
          .join(", ")
      })`,
    },
    {
      name: "seed",
      value: "N",
      description:
        "Derive all inputs from this number (default: a new one each time, which is printed)",
    },
    {
      name: "only",
      value: "PART[:FROM[-TO]]",
      description:
        `Try this part alone, or only its inputs of these indices, of: ${NAMES}`,
    },
  ],
  run,
};

/** Which inputs are wanted of which parts. */
interface Selection {
  readonly parts: readonly Part[];
  readonly batch: Batch | undefined;
}

async function run(
  flags: ParsedFlags,
  stopped: Promise<number>,
): Promise<void> {
  const minutes = flags.integer("minutes", 1, MAX_MINUTES);
  const { parts, batch } = parseOnly(flags.get("only"));
  if (batch && minutes !== undefined) {
    throw new UsageError("--minutes and indices in --only exclude each other");
  }
  const seed = flags.integer("seed", 0, MAX_U32) ?? drawSeed();
  const shares = parts.reduce((sum, { share }) => sum + share, 0);
  console.log(`seed ${seed}`);

  const stop = new AbortController();
  stopped.then((code) => {
    Deno.exitCode = code;
    stop.abort();
  });
  const start = performance.now();
  let failed = 0;
  for (const part of parts) {
    const time = minutes === undefined
      ? Infinity
      : minutes * 60_000 * part.share / shares;
    const to = minutes === undefined ? part.inputs : Infinity;
    const range = { from: 0, to, ...batch };
    const passed = await fuzz(part, range, { seed, time, stop: stop.signal });
    if (stop.signal.aborted) return;
    if (!passed) failed++;
  }
  if (failed > 0) Deno.exitCode = 1;
  console.log(
    `\n${failed === 0 ? "ok" : "FAILED"} | ${
      parts.length - failed
    } passed | ${failed} failed (${seconds(start)})`,
  );
}

/** What else a part needs to be tried. */
interface FuzzOptions extends PartRun {
  /** For how long at most, in milliseconds. */
  readonly time: number;
  /** Aborted when the script is told to end. */
  readonly stop: AbortSignal;
}

/** Tries inputs, says what came of it, and returns whether all was well. */
async function fuzz(
  part: Part,
  { from, to }: Batch,
  { time, stop, ...run }: FuzzOptions,
): Promise<boolean> {
  const start = performance.now();
  let batch = { from, to: from };
  try {
    await using open = await part.open(run);
    while (
      batch.to < to && performance.now() - start < time && !stop.aborted
    ) {
      batch = { from: batch.to, to: Math.min(batch.to + part.batch, to) };
      progress(`${part.name}: ${batch.from - from} inputs`);
      await within(open.run(batch), "the end of a batch", BATCH_PATIENCE);
    }
  } catch (thrown) {
    progress();
    if (stop.aborted) return false;
    const error = firstFailure(thrown);
    const which = error instanceof Finding
      ? `${error.index}`
      : `${batch.from}-${batch.to - 1}`;
    console.log(
      `${part.name} ... FAILED (${seconds(start)})\n  ${
        error instanceof Finding ? error.message : messageOf(error)
      }\n  again: deno task fuzz --seed ${run.seed} --only ${part.name}:${which}`,
    );
    return false;
  }
  progress();
  console.log(
    `${part.name}: ${batch.to - from} inputs ... ok (${seconds(start)})`,
  );
  return true;
}

function parseOnly(only: string | undefined): Selection {
  if (only === undefined) return { parts: PARTS, batch: undefined };
  const [, name, from, to = from] =
    only.match(/^([a-z-]+)(?::(\d{1,15})(?:-(\d{1,15}))?)?$/) ?? [];
  const part = PARTS.find((part) => part.name === name);
  if (part === undefined || Number(to) < Number(from)) {
    throw new UsageError(
      `--only must be a part, or PART:INDEX, or PART:FROM-TO; the parts are ${NAMES}; got "${only}"`,
    );
  }
  return {
    parts: [part],
    batch: from === undefined
      ? undefined
      : { from: Number(from), to: Number(to) + 1 },
  };
}

function seconds(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(0)}s`;
}

if (import.meta.main) await runScript(SCRIPT, Deno.args);
