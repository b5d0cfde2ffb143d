/**
 * Completion for fish.
 *
 * @module
 */

import type { Flag } from "../command.ts";
import { PROGRAM } from "../help.ts";
import {
  type CompletedCommand,
  completedFlags,
  spellings,
  takesFile,
} from "./completed_command.ts";

/** Tells whether a word at the cursor is a flag, or the value of one. */
const FUNCTIONS = `function __cocoon_agent_words
    # Whether so many words stand before the cursor, the last of them this one.
    set -l words (commandline -opc)
    test (count $words) = $argv[1]; and test "$words[-1]" = $argv[2]
end

function __cocoon_agent_flags
    # Whether this command's flags go on up to the cursor. What follows are those
    # that take a value.
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]; or return 1
    set -e words[1..2]
    set -l valued no
    for word in $words
        if test $valued = yes
            set valued no
            continue
        end
        switch $word
            case --
                return 1
            case '--*'
                contains -- $word $argv[2..-1]; and set valued yes
            case '-?*'
                # A value may be attached to the last one of short flags.
                set -l letters (string split '' -- (string sub --start 2 -- $word))
                for at in (seq (count $letters))
                    if contains -- -$letters[$at] $argv[2..-1]
                        test $at = (count $letters); and set valued yes
                        break
                    end
                end
            case '*'
                return 1
        end
    end
end`;

/**
 * Makes the script that lets fish complete the program's command lines.
 *
 * @param commands The program's commands.
 * @returns The script.
 */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name, summary }) =>
    complete(`__cocoon_agent_words 1 ${PROGRAM}`, `-a ${name}`, summary)
  );
  return `# Completion of ${PROGRAM} for fish, made by "${PROGRAM} completion fish".

${FUNCTIONS}

complete -c ${PROGRAM} -f
${[...names, ...commands.flatMap(formatCommand)].join("\n")}
`;
}

function formatCommand(command: CompletedCommand): string[] {
  const { name, words } = command;
  if (words !== undefined) {
    return [
      complete(
        `__cocoon_agent_words 2 ${name}`,
        `-a ${quote(words.join(" "))}`,
      ),
    ];
  }
  const flags = completedFlags(command);
  const valued = flags.filter(({ value }) => value !== undefined);
  const condition = `__cocoon_agent_${name}`;
  return [
    "",
    `function ${condition}`,
    `    __cocoon_agent_flags ${
      [name, ...valued.flatMap(spellings)].join(" ")
    }`,
    "end",
    ...flags.map((flag) =>
      complete(condition, formatFlag(flag), flag.description)
    ),
  ];
}

function formatFlag(flag: Flag): string {
  const names = spellings(flag).map((name) =>
    name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`
  );
  const value = takesFile(flag) ? ["-r -F"] : ["-x"];
  return [...names, ...(flag.value === undefined ? [] : value)].join(" ");
}

function complete(
  condition: string,
  what: string,
  description?: string,
): string {
  const line = `complete -c ${PROGRAM} -n ${quote(condition)} ${what}`;
  return description === undefined ? line : `${line} -d ${quote(description)}`;
}

function quote(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
