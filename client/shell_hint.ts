/**
 * What to tell those who write a command for a shell, where there is none.
 *
 * @module
 */

/** What means something to a shell, and hardly occurs in a program's name. */
const SYNTAX = /[\s|&;<>()$`"'\\*?[\]{}~!#]/;

/** The variable that a shell would set for a command, as in `A=1 make`. */
const ASSIGNMENT = /^[A-Za-z_]\w*=/;

/** What a shell does itself, see bash(1), and the words that its grammar has. */
const SHELL_WORDS: ReadonlySet<string> = new Set([
  ...[".", ":", "alias", "bg", "bind", "break", "builtin", "caller", "cd"],
  ...["command", "compgen", "complete", "continue", "declare", "dirs"],
  ...["disown", "enable", "eval", "exec", "exit", "export", "fc", "fg"],
  ...["getopts", "hash", "history", "jobs", "let", "local", "logout"],
  ...["mapfile", "popd", "pushd", "read", "readarray", "readonly", "return"],
  ...["set", "shift", "shopt", "source", "suspend", "times", "trap", "type"],
  ...["typeset", "ulimit", "umask", "unalias", "unset", "wait"],
  ...["!", "[[", "{", "case", "for", "function", "if", "select", "time"],
  ...["until", "while"],
]);

/** What a shell takes for an end of a word or for white space, or removes. */
const NEEDS_QUOTES = /[\s'"\\]/;

/**
 * Tells whether a command that wasn't found is one for a shell, and what to type
 * to have it run by one.
 *
 * @param argv The command.
 * @returns What to add to the message, or `undefined` for any other command.
 */
export function shellHint(argv: readonly string[]): string | undefined {
  const [name = "", ...args] = argv;
  const isScript = args.length === 0 && SYNTAX.test(name);
  if (!isScript && !SHELL_WORDS.has(name) && !ASSIGNMENT.test(name)) {
    return undefined;
  }
  // The name is a whole script, or a word that must not be quoted.
  const script = [name, ...args.map(quoteWord)].join(" ");
  return `there is no shell in between: type client … -- sh -c ${
    quote(script)
  }`;
}

/** Leaves operators such as `&&` and `|` to the shell, which they are meant for. */
function quoteWord(word: string): string {
  return word === "" || NEEDS_QUOTES.test(word) ? quote(word) : word;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
