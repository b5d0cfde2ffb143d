/**
 * The `serve` command.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { type Command, type Flag, UsageError } from "../../cli/command.ts";
import type { ParsedFlags } from "../../cli/parse_flags.ts";
import { ownEnvironment } from "../../ffi/environment.ts";
import { closeLogging, configureLogging } from "../logging/logging.ts";
import { PolicyError } from "../policy/policy.ts";
import { CHECK_FLAGS, CHECK_POLICY, checkPolicy } from "./check_policy.ts";
import { serve } from "./serve.ts";
import { parseServeFlags, SERVE_FLAGS } from "./serve_flags.ts";

const logger = getLogger(["cocoon-agent", "serve"]);

/** Runs the agent in a guest. */
export const serveCommand: Command = {
  name: "serve",
  summary: "Run the agent: listen, and run commands for callers",
  usage: ["serve [FLAGS]", "serve --check-policy FILE [FLAGS] [--] ARGV…"],
  takesArguments: true,
  flags: [...SERVE_FLAGS, CHECK_POLICY, ...CHECK_FLAGS],
  notes: `Values:
  SIZE  bytes, or with K, M or G (powers of 1024) behind it: 65536, 64K, 512M
  TIME  500ms, 5s, 2m or 1h, up to 24h

Environment:
  AGENT_LOG_LEVEL  debug, info (default), warn or error

Signals:
  SIGHUP           read the policy file again; one with a fault changes nothing
  SIGTERM, SIGINT  stop; a second one ends at once, with 128 + n

Exit codes:
  0  stopped by a signal, or the policy allows the command
  1  cannot listen, or confine what it runs, or stopped listening for a reason
     beyond the agent, or the policy doesn't allow the command
  2  wrong usage, or a fault in the policy file`,
  usageExitCode: 2,
  run,
};

async function run(flags: ParsedFlags): Promise<number> {
  const checked = flags.get(CHECK_POLICY.name);
  refuseFlags(flags, checked === undefined ? CHECK_FLAGS : SERVE_FLAGS);
  if (checked !== undefined) return await checkPolicy(checked, flags);
  if (flags.rest.length > 0) {
    throw new UsageError(
      `serve takes arguments after "--" with --check-policy only, got "${
        flags.rest[0]
      }"`,
    );
  }
  const settings = parseServeFlags(flags);
  try {
    await configureLogging(
      ownEnvironment()["AGENT_LOG_LEVEL"],
      Deno.env.has("JOURNAL_STREAM"),
      settings.auditFile,
    );
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
  try {
    await serve(settings);
    return 0;
  } catch (error) {
    logger.error("{error}", {
      error: error instanceof Error ? error.message : String(error),
    });
    return error instanceof PolicyError ? 2 : 1;
  } finally {
    await closeLogging();
  }
}

/** Refuses flags that are for the other thing that the command does. */
function refuseFlags(flags: ParsedFlags, others: readonly Flag[]): void {
  const given = others.find(({ name }) => flags.has(name));
  if (given === undefined) return;
  throw new UsageError(
    others === CHECK_FLAGS
      ? `--${given.name} is for --check-policy only`
      : `--${given.name} is not for --check-policy, which serves nobody`,
  );
}
