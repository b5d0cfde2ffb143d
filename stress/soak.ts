/**
 * Runs mixed sessions of many clients for a while, and looks for what is wrong,
 * lost or left behind.
 *
 * @module
 */

import type { ParsedFlags } from "../cli/parse_flags.ts";
import { progress, runScript, type Script } from "../packaging/_script.ts";
import { drawSeed } from "./random.ts";
import { failedChecks, formatSoak } from "./soak_report.ts";
import { DeniedPlan } from "./denied_plan.ts";
import { KINDS } from "./soak_kinds.ts";
import { soak } from "./soak_run.ts";

const DEFAULT_MINUTES = 10;
const MAX_MINUTES = 7 * 24 * 60;
const MAX_U32 = 0xffffffff;

const SCRIPT: Script = {
  usage: "deno task soak [FLAGS]",
  flags: [
    {
      name: "minutes",
      value: "N",
      description: `For how long (default ${DEFAULT_MINUTES})`,
    },
    {
      name: "seed",
      value: "N",
      description:
        "Derive what sessions do from this number (default: a new one each time, which is printed)",
    },
    {
      name: "denied",
      description: "Play a caller who may run next to nothing, and attacks",
    },
    { name: "json", description: "Print the result as JSON" },
  ],
  run,
};

async function run(
  flags: ParsedFlags,
  stopped: Promise<number>,
): Promise<void> {
  const minutes = flags.integer("minutes", 1, MAX_MINUTES) ?? DEFAULT_MINUTES;
  const seed = flags.integer("seed", 0, MAX_U32) ?? drawSeed();
  using plan = flags.has("denied") ? new DeniedPlan() : undefined;
  const result = await soak({
    plan: plan ?? { kinds: KINDS, agent: {}, mayWarn: false },
    time: minutes * 60_000,
    seed,
    stopped,
  });
  progress();
  if (typeof result === "number") {
    Deno.exitCode = result;
    return;
  }
  if (failedChecks(result).length > 0) Deno.exitCode = 1;
  console.log(
    flags.has("json") ? JSON.stringify(result, null, 2) : formatSoak(result),
  );
}

if (import.meta.main) await runScript(SCRIPT, Deno.args);
