/**
 * The `completion` command.
 *
 * @module
 */

import { type Command, UsageError } from "../command.ts";
import { PROGRAM } from "../help.ts";
import { print } from "../print.ts";
import { BUILT_IN, type CommandTable } from "../run_program.ts";
import { bashCompletion } from "./bash.ts";
import type { CompletedCommand } from "./completed_command.ts";
import { fishCompletion } from "./fish.ts";
import { zshCompletion } from "./zsh.ts";

/** What makes the script, by the shell's name. */
const SCRIPTS = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
} as const;

/** A shell that there is a script for. */
export type Shell = keyof typeof SCRIPTS;

/** The shells that there are scripts for. */
export const SHELLS: readonly Shell[] = Object.keys(SCRIPTS) as Shell[];

/**
 * Makes the command that prints what lets a shell complete command lines.
 *
 * @param commands The program's commands.
 * @returns The command.
 */
export function completionCommand(commands: CommandTable): Command {
  return {
    name: "completion",
    summary: "Print what lets a shell complete command lines",
    usage: [`completion (${SHELLS.join(" | ")})`],
    takesArguments: true,
    flags: [],
    notes: `Examples:
  source <(${PROGRAM} completion bash)
  source <(${PROGRAM} completion zsh)
  ${PROGRAM} completion fish | source

The Debian package has these scripts where the shells look for them.

Exit codes:
  0  done
  2  wrong usage`,
    usageExitCode: 2,
    async run({ rest }) {
      const [shell, ...more] = rest;
      if (!isShell(shell) || more.length > 0) {
        throw new UsageError(
          `Name one shell of ${SHELLS.join(", ")}, got "${rest.join(" ")}"`,
        );
      }
      await print((await completionScript(shell, commands)).trimEnd());
      return 0;
    },
  };
}

/**
 * Makes the script that lets a shell complete the program's command lines.
 *
 * @param shell The shell.
 * @param commands The program's commands.
 * @returns The script.
 */
export async function completionScript(
  shell: Shell,
  commands: CommandTable,
): Promise<string> {
  const loaded = await Promise.all(
    Object.values(commands).map((load) => load()),
  );
  const all = [...loaded, ...BUILT_IN];
  const words: Record<string, readonly string[]> = {
    completion: SHELLS,
    help: all.map(({ name }) => name),
    version: [],
  };
  return SCRIPTS[shell](
    all.map(({ name, summary }): CompletedCommand => ({
      name,
      summary,
      flags: loaded.find((command) => command.name === name)?.flags ?? [],
      ...(Object.hasOwn(words, name) && { words: words[name]! }),
    })),
  );
}

function isShell(name: string | undefined): name is Shell {
  return name !== undefined && Object.hasOwn(SCRIPTS, name);
}
