/**
 * Running what a command line says.
 *
 * @module
 */

import { type Command, UsageError } from "./command.ts";
import { formatCommandHelp, formatHelp, HELP_FLAG, PROGRAM } from "./help.ts";
import { nearestWord } from "./nearest_word.ts";
import { parseFlags } from "./parse_flags.ts";
import { EXIT_BROKEN_PIPE, print, printMessage } from "./print.ts";
import { printError } from "./print_error.ts";

/** The commands of a program by name, each loaded when it is needed. */
export type CommandTable = Readonly<Record<string, () => Promise<Command>>>;

/** The commands that come with every program. */
export const BUILT_IN: readonly Pick<Command, "name" | "summary">[] = [
  { name: "version", summary: "Print the version" },
  { name: "help", summary: "Show this help, or that of a command" },
];

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

/**
 * Runs the command that a command line names. Errors are printed, but for that
 * nobody reads its output any more.
 *
 * @param args The command line, without the program's name.
 * @param version What `version` prints.
 * @param commands The commands; `version` and `help` come with the program.
 * @returns The exit code.
 */
export async function runProgram(
  args: readonly string[],
  version: string,
  commands: CommandTable,
): Promise<number> {
  const [name, ...rest] = args;
  try {
    switch (name) {
      case undefined:
        await printMessage(await describe(undefined, commands));
        return EXIT_USAGE;
      case "version":
      case "--version":
      case "-V":
        await print(`${PROGRAM} ${version}`);
        return 0;
      case "help":
      case "--help":
      case "-h":
        await print(await describe(rest[0], commands));
        return 0;
      default: {
        const command = await find(name, commands);
        return await runCommand(command, rest);
      }
    }
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return EXIT_BROKEN_PIPE;
    await printError(error);
    return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILURE;
  }
}

async function runCommand(
  command: Command,
  args: readonly string[],
): Promise<number> {
  try {
    const flags = parseFlags(args, command.flags, command);
    if (flags.has(HELP_FLAG.name)) {
      await print(formatCommandHelp(command));
      return 0;
    }
    if (flags.rest.length > 0 && !command.takesArguments) {
      throw new UsageError(`${command.name} takes no arguments after "--"`);
    }
    return await command.run(flags);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    await printError(error);
    await printMessage(`Try "${PROGRAM} help ${command.name}"`);
    return command.usageExitCode;
  }
}

async function describe(
  name: string | undefined,
  commands: CommandTable,
): Promise<string> {
  // What comes with the program has no help of its own.
  const general = name === undefined || name.startsWith("-") ||
    BUILT_IN.some((command) => command.name === name);
  if (!general) return formatCommandHelp(await find(name, commands));
  const loaded = await Promise.all(
    Object.values(commands).map((load) => load()),
  );
  return formatHelp([...loaded, ...BUILT_IN]);
}

function find(name: string, commands: CommandTable): Promise<Command> {
  if (Object.hasOwn(commands, name)) return commands[name]!();
  const names = [
    ...Object.keys(commands),
    ...BUILT_IN.map((command) => command.name),
  ];
  const nearest = nearestWord(name, names);
  const guess = nearest === undefined ? "." : `; did you mean "${nearest}"?`;
  throw new UsageError(
    `Unknown command "${name}"${guess} Try "${PROGRAM} help"`,
  );
}
