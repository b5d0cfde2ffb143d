/**
 * Completion for zsh.
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

/**
 * Makes the script that lets zsh complete the program's command lines. The same
 * text is for a folder of `$fpath`, and for being sourced.
 *
 * @param commands The program's commands.
 * @returns The script.
 */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  return `#compdef ${PROGRAM}
# Completion of ${PROGRAM} for zsh, made by "${PROGRAM} completion zsh".

_${PROGRAM}() {
  if ((CURRENT == 2)); then
    local -a names=(
${commands.map(formatName).join("\n")}
    )
    _describe -t commands command names
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
${commands.map(formatCase).join("\n")}
  esac
}

# A file of $fpath is the function's body; a file that is sourced is not.
if [[ \${funcstack[1]-} == _${PROGRAM} ]]; then
  _${PROGRAM} "$@"
else
  compdef _${PROGRAM} ${PROGRAM}
fi
`;
}

function formatName({ name, summary }: CompletedCommand): string {
  return `      ${quote(`${name}:${summary}`)}`;
}

function formatCase(command: CompletedCommand): string {
  const { name, words } = command;
  const specs = words === undefined
    ? [
      ...completedFlags(command).flatMap(formatFlag),
      // The guest knows what may follow the flags, and the host does not.
      quote("*:argument: "),
    ]
    : [quote(`1:${name}:(${words.join(" ")})`)];
  // Flags end at the first word that is none.
  return `  ${name})
    _arguments -s -S -A '-*' \\
${specs.map((spec) => `      ${spec}`).join(" \\\n")}
    ;;`;
}

/** Formats a flag as _arguments takes it, once for each way to write it. */
function formatFlag(flag: Flag): string[] {
  const { value, repeatable, description } = flag;
  const names = spellings(flag);
  const before = repeatable ? "*" : `(${names.join(" ")})`;
  const text = description.replace(/[\[\]\\]/g, "\\$&");
  if (value === undefined) {
    return names.map((name) => quote(`${before}${name}[${text}]`));
  }
  const label = value.replace(/[:\\]/g, "\\$&");
  const action = takesFile(flag) ? "_files" : " ";
  return names.map((name) => {
    const attached = name.startsWith("--") ? "=" : "+";
    return quote(`${before}${name}${attached}[${text}]:${label}:${action}`);
  });
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
