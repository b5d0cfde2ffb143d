/**
 * Real shells that complete a command line.
 *
 * @module
 */

import type { Shell } from "../cli/completion/completion_command.ts";

/** Splits the lines into words as readline does, and prints what bash would offer. */
const BASH = `
source "$1"
for COMP_LINE in "\${@:2}"; do
  COMP_POINT=\${#COMP_LINE}
  COMP_WORDS=($(grep -oE '[=:]+|[^ =:]+' <<<"$COMP_LINE"))
  [[ $COMP_LINE != *' ' ]] || COMP_WORDS+=('')
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
  _cocoon_agent
  printf '%s\\n' "\${COMPREPLY[@]}" $'\\f'
done`;

/** Types the lines and tabs on a terminal, and prints what zsh would offer. */
const ZSH = `
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "source \${(q)1} \${(q)2} \${(q)3}"
zpty -r -m z screen '*<ready>*' || exit 2
for line in "\${@:4}"; do
  : >$3
  # Ctrl-U takes the last line away.
  zpty -w -n z $'\\x15'"$line"$'\\t'
  zpty -r -m z screen '*<done>*' || exit 2
  print -r -- "$(<$3)"
  print $'\\f'
done
zpty -d z`;

/** What that zsh is set to: the matches go to a file. */
const ZSH_SETTINGS = `
PROMPT= HISTFILE= OFFERS=$2
setopt no_auto_list no_auto_menu
autoload -Uz compinit
compinit -u -D
source $1
bindkey '^I' complete-word
# The completion system forgets it before each call.
finish() {
  print '<done>'
  comppostfuncs=(finish)
}
comppostfuncs=(finish)
compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a hits
  builtin compadd -A hits "$@"
  (($#hits == 0)) || print -rl -- $hits >>$OFFERS
  builtin compadd "$@"
}
print '<ready>'`;

const FISH = `
source $argv[1]
for line in $argv[2..-1]
  complete -C $line
  printf '\\f\\n'
end`;

/**
 * Returns what a shell offers in the place of the last words of command lines.
 *
 * @param shell The shell.
 * @param script What lets it complete the lines.
 * @param lines The command lines up to the cursor.
 * @returns What it offers for each, sorted.
 */
export async function offers(
  shell: Shell,
  script: string,
  lines: readonly string[],
): Promise<string[][]> {
  const folder = await Deno.makeTempDir({ prefix: "completion-" });
  try {
    const path = `${folder}/script`;
    await Deno.writeTextFile(path, script);
    const settings = `${folder}/settings`;
    await Deno.writeTextFile(settings, ZSH_SETTINGS);
    const cwd = `${folder}/work`;
    await Deno.mkdir(cwd);
    await Deno.writeTextFile(`${cwd}/seed.bin`, "");
    const args = {
      bash: ["--norc", "-c", BASH, "bash", path],
      zsh: ["-f", "-c", ZSH, "zsh", settings, path, `${folder}/offers`],
      fish: ["--no-config", "-c", FISH, path],
    }[shell];
    const { code, stdout, stderr } = await new Deno.Command(shell, {
      args: [...args, ...lines],
      cwd,
      env: { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    if (code !== 0) throw new Error(`${shell}: ${decoder.decode(stderr)}`);
    return decoder.decode(stdout).split("\f\n").slice(0, -1).map((offered) =>
      offered.split("\n")
        // fish puts what it says of a word behind a tab.
        .map((word) => word.replace(/\t.*/, "").trim())
        .filter((word) => word !== "")
        .sort()
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
