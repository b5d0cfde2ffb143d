/**
 * What the scripts of this folder share.
 *
 * @module
 */

import { type Flag, UsageError } from "../cli/command.ts";
import { type ParsedFlags, parseFlags } from "../cli/parse_flags.ts";

/** Thrown when a tool fails that a script has called. */
export class ToolError extends Error {
  override readonly name = "ToolError";
}

/** A script's command line. */
export interface Script {
  /** How it is called. */
  readonly usage: string;
  /** The flags it takes. */
  readonly flags: readonly Flag[];
  /** Does what the script is for. */
  run(flags: ParsedFlags): Promise<void>;
}

/**
 * Runs a script and exits: with `Deno.exitCode`, which is 0 unless the script sets
 * it, with 2 if its command line makes no sense, with 1 if it fails.
 *
 * @param script The script.
 * @param args Its command line.
 */
export async function runScript(
  script: Script,
  args: readonly string[],
): Promise<never> {
  try {
    const split = args.indexOf("--");
    const own = split < 0 ? args : args.slice(0, split);
    if (own.includes("--help")) {
      console.log(describe(script));
    } else {
      await script.run(parseFlags(args, script.flags));
    }
    Deno.exit();
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${describe(script)}`);
      Deno.exit(2);
    }
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}

function describe({ usage, flags }: Script): string {
  const lines = flags.map(({ name, value, description }) =>
    `  --${name} ${value}\n      ${description}`
  );
  return `Usage: ${usage}\n\n${lines.join("\n")}`;
}

/** Options for {@linkcode runTool} and {@linkcode startTool}. */
export interface ToolOptions {
  /** The arguments. */
  args: readonly string[];
  /** Variables to add to the environment. */
  env?: Record<string, string>;
  /** The folder to run it in. */
  cwd?: string;
  /** How to get the tool, for the message when it is missing. */
  hint?: string;
}

/**
 * Runs a tool to its end. Its errors are shown; what else it prints is not, as
 * standard output is the script's own.
 *
 * @param tool The tool's name or path.
 * @param options The options.
 * @throws {ToolError} If it isn't installed, or fails.
 */
export async function runTool(
  tool: string,
  options: ToolOptions,
): Promise<void> {
  const { success, code } = await startTool(tool, options).status;
  if (!success) {
    throw new ToolError(
      `Cannot go on: "${tool} ${options.args[0] ?? ""}" failed with ${code}`,
    );
  }
}

/**
 * Starts a tool.
 *
 * @param tool The tool's name or path.
 * @param options The options.
 * @param streams What its standard streams are: by default its errors are shown,
 * and nothing else is connected.
 * @returns The running tool.
 * @throws {ToolError} If it isn't installed.
 */
export function startTool(
  tool: string,
  options: ToolOptions,
  streams: Pick<Deno.CommandOptions, "stdin" | "stdout" | "stderr"> = {},
): Deno.ChildProcess {
  const { hint, ...commandOptions } = options;
  const command = new Deno.Command(tool, {
    ...commandOptions,
    args: [...options.args],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
    ...streams,
  });
  try {
    return command.spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new ToolError(
      `Cannot run "${tool}": it isn't installed${hint ? `; ${hint}` : ""}`,
    );
  }
}
