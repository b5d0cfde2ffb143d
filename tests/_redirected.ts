/**
 * Clients whose descriptors a shell makes.
 *
 * @module
 */

import type { Agent } from "./_agent.ts";
import { programArgs } from "./_program.ts";
import { Running } from "./_running.ts";

/**
 * Starts a client whose descriptors are what a shell makes them.
 *
 * @param agent The agent, in whose folder the shell runs.
 * @param redirection A script for the shell, with `CLIENT` in the client's place.
 * @param command The command that the client runs.
 * @param flags More flags for the client.
 */
export function start(
  agent: Agent,
  redirection: string,
  command: readonly string[],
  flags: readonly string[] = [],
): Running {
  const client = programArgs("client", [
    ...["--unix", agent.path, ...flags, "--", ...command],
  ]);
  const script = `cd "$0"; ${redirection.replace("CLIENT", '"$@"')}`;
  return new Running(["sh", "-c", script, agent.folder, ...client]);
}

/**
 * Runs such a client to its end.
 *
 * @param agent The agent.
 * @param redirection The script.
 * @param command The command.
 * @param flags More flags for the client.
 */
export async function run(
  agent: Agent,
  redirection: string,
  command: readonly string[] = ["sh", "-c", "cat; exit 3"],
  flags: readonly string[] = [],
): Promise<{ code: number; stdout: string; stderr: string }> {
  await using client = start(agent, redirection, command, flags);
  const code = await client.code;
  return { code, stdout: client.stdout.text, stderr: client.stderr.text };
}
