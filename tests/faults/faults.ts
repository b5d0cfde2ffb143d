/**
 * Injects faults into real agents, and prints what happened, and how long the
 * others waited meanwhile.
 *
 * @module
 */

import { UsageError } from "../../cli/command.ts";
import type { ParsedFlags } from "../../cli/parse_flags.ts";
import { runScript, type Script } from "../../packaging/_script.ts";
import { sleep } from "../_bounded.ts";
import {
  type Fault,
  type FaultResult,
  missingFor,
  runFault,
} from "./_fault.ts";
import { FAULTS } from "./all_faults.ts";
import { formatWaits } from "./_waits.ts";

/** How long a fault goes on, or happens again and again, in milliseconds. */
const DURATION = 3000;
/** What stands where there are no others. */
const NOTHING = "–";
const MAX_MINUTES = 24 * 60;

/** What the others wait for where nothing goes wrong. */
const NO_FAULT: Fault = {
  name: "none",
  inject: async (_, duration) => {
    await sleep(duration);
    return "to compare with";
  },
};

const SCRIPT: Script = {
  usage: "deno task faults [FLAGS]",
  flags: [
    {
      name: "minutes",
      value: "N",
      description:
        "Let those faults go on for N minutes that can, such as a slow reader (default: 3 seconds)",
    },
    {
      name: "only",
      value: "TEXT",
      description: "Inject only the faults whose names contain this",
    },
  ],
  run,
};

async function run(
  flags: ParsedFlags,
  stopped: Promise<number>,
): Promise<void> {
  const only = flags.get("only") ?? "";
  const faults = [NO_FAULT, ...FAULTS]
    .filter(({ name }) => name.includes(only));
  if (faults.length === 0) {
    throw new UsageError(`--only: no fault's name contains "${only}"`);
  }
  const minutes = flags.integer("minutes", 1, MAX_MINUTES);
  const lasting = minutes === undefined ? DURATION : minutes * 60_000;

  console.log(
    formatRow(
      "fault",
      "what happened",
      "others: `true` p50 / p99 / max",
      "others: echo p50 / p99 / max",
    ),
  );
  console.log(formatRow("---", "---", "---", "---"));
  for (const fault of faults) {
    const missing = missingFor(fault);
    if (missing !== undefined) {
      const what = `not injected: needs ${missing}`;
      console.log(formatRow(fault.name, what, NOTHING, NOTHING));
      continue;
    }
    const result = runFault(fault, fault.lasting ? lasting : DURATION);
    const outcome = await Promise.race([
      stopped,
      result.catch((error) => {
        Deno.exitCode = 1;
        return failure(error);
      }),
    ]);
    if (typeof outcome === "number") Deno.exit(outcome);
    console.log(
      formatRow(
        fault.name,
        outcome.what,
        outcome.waits ? formatWaits(outcome.waits.commands) : NOTHING,
        outcome.waits ? formatWaits(outcome.waits.echoes) : NOTHING,
      ),
    );
  }
}

function failure(error: unknown): FaultResult {
  // What failed first, and not what could then not be ended in order.
  if (error instanceof SuppressedError) return failure(error.suppressed);
  const message = error instanceof Error ? error.message : String(error);
  return { what: `FAILED: ${message.replaceAll(/\s+/g, " ")}` };
}

function formatRow(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

if (import.meta.main) await runScript(SCRIPT, Deno.args);
