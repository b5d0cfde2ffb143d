/**
 * The program under test: the source as the tasks run it, or the binary that
 * the environment variable `COCOON_AGENT` names.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };

/** The compiled program, where that is to be tested. */
export const BINARY: string | undefined = Deno.env.get("COCOON_AGENT");

/** The program's architecture, this machine's unless the environment says so. */
export const ARCHITECTURE: string = Deno.env.get("COCOON_AGENT_ARCH") ??
  Deno.build.arch;

/** The folder of the sources. */
export const SOURCES: string = new URL("..", import.meta.url).pathname;

/** What the program's processes get on top of the test's own environment. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  // The runtime would open connections of its own, to ask for a newer one.
  DENO_NO_UPDATE_CHECK: "1",
};

/** Where alone the program may keep audit records. */
const LOG_FOLDER = "/var/log/cocoon-agent";

/**
 * Returns how a command of the program is run, with the permissions that its
 * task gives it.
 *
 * @param command The command.
 * @param args Its arguments.
 * @param allowRun What Deno's own `--allow-run` is narrowed to.
 * @param logFolder The folder in the place of that for audit records.
 * @returns The program and its arguments.
 */
export function programArgs(
  command: "serve" | "client" | "info" | "reseed" | "completion",
  args: readonly string[],
  allowRun?: string,
  logFolder = LOG_FOLDER,
): [program: string, ...args: string[]] {
  if (BINARY !== undefined) return [BINARY, command, ...args];
  const task = config.tasks[command === "serve" ? "serve" : "client"].command;
  const [runtime, ...flags] = task.split(" ").slice(0, -2);
  if (runtime !== "deno") throw new Error(`Cannot run the task "${task}"`);
  return [
    Deno.execPath(),
    ...flags.map((flag) =>
      flag === "--allow-run" && allowRun !== undefined
        ? `--allow-run=${allowRun}`
        : flag.replace(LOG_FOLDER, logFolder)
    ),
    `${SOURCES}main.ts`,
    command,
    ...args,
  ];
}
