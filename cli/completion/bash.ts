/**
 * Completion for bash.
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

/** Puts together what readline takes apart at `=` and `:`, up to the cursor. */
const JOIN_WORDS = `  local line=\${COMP_LINE:0:\${COMP_POINT:-0}} rest word at
  local -a words=()
  # Readline splits words at = and : as well.
  for ((at = 0; at <= COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]-}
    rest=\${line#"\${line%%[![:space:]]*}"}
    # What stands behind the cursor doesn't count.
    [[ -n $line && $at -eq $COMP_CWORD ]] && word=$rest
    if [[ \${#words[@]} -gt 0 && -n $rest && $rest == "$line" ]]; then
      words[\${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
    line=\${rest#"$word"}
  done
  local count=\${#words[@]}
  local current=\${words[count - 1]}`;

/** Finds the flag whose value the word at the cursor is, if it is one. */
const FIND_FLAG = `  local flag= letters
  for word in "\${words[@]:2:count - 3}"; do
    if [[ -n $flag ]]; then
      flag=
      continue
    fi
    case $word in
    # The flags end here.
    -- | - | [!-]* | '') return ;;
    --*) [[ $valued == *" $word "* ]] && flag=$word ;;
    *)
      # A value may be attached to the last one of short flags.
      letters=\${word#-}
      while [[ -n $letters ]]; do
        flag=-\${letters:0:1}
        letters=\${letters:1}
        [[ $valued == *" $flag "* ]] && break
        flag=
      done
      [[ -n $letters ]] && flag=
      ;;
    esac
  done`;

const COMPLETE_WORD = `  local head= value=$current
  if [[ -z $flag && $current == --*=* ]]; then
    flag=\${current%%=*}
    value=\${current#*=}
    head=$flag=
  fi
  if [[ -z $flag ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  elif [[ $files == *" $flag "* ]]; then
    # Neither works where the function is called by hand.
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$value")
    # Names that are quoted are for readline itself.
    [[ \${#COMPREPLY[@]} -gt 0 ]] || compopt -o default 2>/dev/null
    # Readline replaces what stands behind the last = or : alone.
    local typed=$current
    [[ \${COMP_WORDBREAKS-} == *=* ]] && typed=\${typed##*=}
    [[ \${COMP_WORDBREAKS-} == *:* ]] && typed=\${typed##*:}
    COMPREPLY=("\${COMPREPLY[@]/#/"$head"}")
    COMPREPLY=("\${COMPREPLY[@]#"\${current%"$typed"}"}")
  fi`;

/**
 * Makes the script that lets bash complete the program's command lines.
 *
 * @param commands The program's commands.
 * @returns The script.
 */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  return `# Completion of ${PROGRAM} for bash, made by "${PROGRAM} completion bash".

_cocoon_agent() {
  COMPREPLY=()
${JOIN_WORDS}
  if [[ $count -eq 2 ]]; then
    COMPREPLY=($(compgen -W '${names}' -- "$current"))
    return
  fi
  local flags= valued= files=
  case \${words[1]} in
${commands.map(formatCase).join("\n")}
  *) return ;;
  esac
${FIND_FLAG}
${COMPLETE_WORD}
}

complete -F _cocoon_agent ${PROGRAM}
`;
}

function formatCase(command: CompletedCommand): string {
  const { name, words } = command;
  if (words !== undefined) {
    return `  ${name})
    [[ $count -eq 3 ]] &&
      COMPREPLY=($(compgen -W '${words.join(" ")}' -- "$current"))
    return
    ;;`;
  }
  const flags = completedFlags(command);
  return `  ${name})
    flags='${list(flags)}'
    valued=' ${list(flags.filter(({ value }) => value !== undefined))} '
    files=' ${list(flags.filter(takesFile))} '
    ;;`;
}

function list(flags: readonly Flag[]): string {
  return flags.flatMap(spellings).join(" ");
}
