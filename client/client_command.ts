/**
 * The `client` command.
 *
 * @module
 */

import { type Command, UsageError } from "../cli/command.ts";
import type { ParsedFlags } from "../cli/parse_flags.ts";
import { printError } from "../cli/print_error.ts";
import { spawn } from "./calls.ts";
import { AgentError } from "./errors.ts";
import type { RemoteProcess } from "./remote_process.ts";
import {
  parseTarget,
  reachAgent,
  TARGET_FLAGS,
  TARGET_USAGE,
} from "./target_flags.ts";

const EXIT_FAILURE = 125;
const EXIT_NOT_EXECUTABLE = 126;
const EXIT_NOT_FOUND = 127;
/** What a shell reports of a program that SIGPIPE ended. */
const EXIT_BROKEN_PIPE = 141;

/** Runs a command in a guest. */
export const clientCommand: Command = {
  name: "client",
  summary: "Run a command in a machine, with stdin, stdout and stderr",
  usage: [`client ${TARGET_USAGE} [FLAGS] -- ARGV…`],
  takesArguments: true,
  flags: [
    ...TARGET_FLAGS,
    {
      name: "env",
      alias: "e",
      value: "K=V",
      repeatable: true,
      description: "Set a variable in the command's environment",
    },
  ],
  notes: `Examples:
  cocoon-agent client --cid 3 -- uname -a
  cocoon-agent client --uds /run/vm.sock --wait 30s -- sh -c 'cat > /etc/motd' < motd

Exit codes:
  the command's own, or 128 + n if the signal n ended it
  125  the client, the connection or the agent failed, or the usage was wrong
  126  the command cannot be executed, or isn't granted
  127  the command was not found
  141  nobody reads the client's stdout or stderr any more`,
  usageExitCode: EXIT_FAILURE,
  run,
};

async function run(flags: ParsedFlags): Promise<number> {
  const target = parseTarget(flags);
  const env = parseVariables(flags.all("env"));
  const argv = flags.rest;
  if (argv.length === 0) {
    throw new UsageError(`Say what to run, after "--": -- uname -a`);
  }
  try {
    const options = await reachAgent(target, flags);
    return await bridge(await spawn(target, argv, { env, ...options }));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof Deno.errors.BrokenPipe) return EXIT_BROKEN_PIPE;
    printError(error);
    return exitCode(error);
  }
}

/** Connects a command's streams with this process's, until it has ended. */
async function bridge(process: RemoteProcess): Promise<number> {
  Deno.stdin.readable.pipeTo(process.stdin).catch((error) => {
    // The command may end, or close its stdin, before all of it was read.
    if (!(error instanceof Deno.errors.BrokenPipe)) printError(error);
  });
  const outputs = Promise.all([
    process.stdout.pipeTo(Deno.stdout.writable),
    process.stderr.pipeTo(Deno.stderr.writable, { preventClose: true }),
  ]);
  // Whichever fails first says why.
  const [status] = await Promise.all([process.status, outputs]);
  return status.code;
}

function parseVariables(
  assignments: readonly string[],
): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const assignment of assignments) {
    const split = assignment.indexOf("=");
    if (split < 1) {
      throw new UsageError(`--env must be K=V, got "${assignment}"`);
    }
    variables[assignment.slice(0, split)] = assignment.slice(split + 1);
  }
  return variables;
}

function exitCode(error: unknown): number {
  switch (error instanceof AgentError ? error.code : undefined) {
    case "not_found":
      return EXIT_NOT_FOUND;
    case "not_executable":
    case "denied":
      return EXIT_NOT_EXECUTABLE;
    default:
      return EXIT_FAILURE;
  }
}
