/**
 * What scripts share: those of this folder, the benchmarks and the stress tests.
 *
 * @module
 */

import { type Flag, UsageError } from "../cli/command.ts";
import { HELP_FLAG } from "../cli/help.ts";
import { type ParsedFlags, parseFlags } from "../cli/parse_flags.ts";
import { killChild } from "./kill_child.ts";

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
  /** Whether arguments may follow them. */
  readonly takesArguments?: boolean;
  /**
   * Does what the script is for.
   *
   * @param flags The flags.
   * @param stopped Resolves when the script is told to end, to the exit code for
   * that.
   */
  run(flags: ParsedFlags, stopped: Promise<number>): Promise<void>;
}

/** What a script ends on, after it has cleaned up; see signal(7). */
const STOP_SIGNALS: readonly (readonly [Deno.Signal, number])[] = [
  ["SIGHUP", 1],
  ["SIGINT", 2],
  ["SIGTERM", 15],
];

/** The tools that {@linkcode runTool} waits for. */
const running = new Set<Deno.ChildProcess>();
/** The exit code of a script that was told to end. */
let stopCode: number | undefined;

/**
 * Runs a script and exits: with `Deno.exitCode`, which is 0 unless the script sets
 * it, with 2 if its command line makes no sense, with 1 if it fails. A signal that
 * is to end it ends the tool that it waits for, and the script by that.
 *
 * @param script The script.
 * @param args Its command line.
 */
export async function runScript(
  script: Script,
  args: readonly string[],
): Promise<never> {
  const { promise: stopped, resolve } = Promise.withResolvers<number>();
  for (const [signal, number] of STOP_SIGNALS) {
    Deno.addSignalListener(signal, () => {
      stopCode = 128 + number;
      resolve(stopCode);
      for (const tool of running) killChild(tool, "SIGTERM");
    });
  }
  try {
    const flags = parseFlags(args, script.flags, script);
    if (flags.has(HELP_FLAG.name)) console.log(describe(script));
    else if (flags.rest.length > 0 && !script.takesArguments) {
      throw new UsageError(
        `Unexpected argument "${
          flags.rest[0]
        }" after "--": only flags are taken`,
      );
    } else await script.run(flags, stopped);
    Deno.exit();
  } catch (error) {
    if (stopCode !== undefined) Deno.exit(stopCode);
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
    `  --${name}${value === undefined ? "" : ` ${value}`}\n      ${description}`
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
  /** What to do about it, for the message when the tool fails. */
  remedy?: string;
}

/**
 * Runs a tool to its end. Its errors are shown; what else it prints is not, as
 * standard output is the script's own.
 *
 * @param tool The tool's name or path.
 * @param options The options.
 * @throws {ToolError} If it isn't installed, or fails, or the script was told to
 * end.
 */
export async function runTool(
  tool: string,
  options: ToolOptions,
): Promise<void> {
  if (stopCode !== undefined) {
    throw new ToolError(`Cannot run "${tool}": the script was told to end`);
  }
  const child = startTool(tool, options);
  running.add(child);
  const { success, code } = await child.status;
  running.delete(child);
  if (!success) {
    throw new ToolError(
      `Cannot go on: "${tool} ${options.args[0] ?? ""}" failed with ${code}${
        options.remedy ? `; ${options.remedy}` : ""
      }`,
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
  const { hint, remedy: _, ...commandOptions } = options;
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

const ERASE_LINE = "\r\x1b[K";

/**
 * Says how far a script is, to people at a terminal; without a text, wipes that
 * away.
 *
 * @param text What is under way.
 */
export function progress(text = ""): void {
  if (!Deno.stderr.isTerminal()) return;
  Deno.stderr.writeSync(new TextEncoder().encode(`${ERASE_LINE}${text}`));
}

/**
 * Does what takes long, and says so meanwhile: to people at a terminal with the
 * seconds that it has taken, elsewhere once.
 *
 * @param text What is under way.
 * @param action Does it.
 * @returns What the action returns.
 */
export async function withProgress<T>(
  text: string,
  action: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  if (!Deno.stderr.isTerminal()) console.error(`${text} …`);
  progress(`${text} …`);
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - start) / 1000);
    progress(`${text} … ${seconds} s`);
  }, 1000);
  try {
    return await action();
  } finally {
    clearInterval(timer);
    progress();
  }
}
