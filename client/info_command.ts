/**
 * The `info` command.
 *
 * @module
 */

import type { Command } from "../cli/command.ts";
import type { ParsedFlags } from "../cli/parse_flags.ts";
import { print } from "../cli/print.ts";
import { printableJson } from "../protocol/printable_text.ts";
import { info } from "./info.ts";
import {
  callAgent,
  parseTarget,
  TARGET_FLAGS,
  TARGET_NOTES,
  TARGET_USAGE,
} from "./target_flags.ts";

/** Shows what an agent says about itself and its guest. */
export const infoCommand: Command = {
  name: "info",
  summary: "Show what an agent says about itself and its machine",
  usage: [`info ${TARGET_USAGE} [FLAGS]`],
  flags: [
    ...TARGET_FLAGS,
    { name: "json", description: "Print one line of JSON" },
  ],
  notes: `${TARGET_NOTES}

Exit codes:
  0    an agent is there; one that only knows the core of the protocol says no more
  1    the agent cannot be reached, or the output can't be written
  2    wrong usage
  141  nobody reads the output any more`,
  usageExitCode: 2,
  run,
};

async function run(flags: ParsedFlags): Promise<number> {
  const target = parseTarget(flags);
  const answer = await callAgent(
    target,
    flags,
    (options) => info(target, options),
  );
  const facts: Record<string, unknown> = answer === undefined
    ? { features: [] }
    : {
      version: answer.version,
      protocol: answer.protocol,
      features: answer.features,
      os: answer.os,
      arch: answer.arch,
      boot_id: answer.bootId,
      uptime_ms: answer.uptimeMs,
      ...(answer.landlockAbi !== undefined &&
        { landlock_abi: answer.landlockAbi }),
      // An older agent doesn't say.
      ...(answer.containment !== undefined && {
        containment: answer.containment,
        controllers: answer.controllers ?? [],
      }),
    };
  await print(
    flags.has("json")
      ? printableJson(facts)
      : answer === undefined
      ? "An agent is there; it only knows the core of the protocol"
      : formatFacts(facts),
  );
  return 0;
}

function formatFacts(facts: Record<string, unknown>): string {
  return Object.entries(facts).map(([name, value]) =>
    `${name.padEnd(12)} ${String(value) || "none"}`
  ).join("\n");
}
