/**
 * What programs on a terminal are told about it and its user.
 *
 * @module
 */

/**
 * The variables for the language, see locale(7). A list of them takes the
 * permission for these alone, where the client runs with no other.
 */
const LOCALE_VARIABLES: readonly string[] = [
  ...["LANG", "LANGUAGE", "LC_ADDRESS", "LC_ALL", "LC_COLLATE", "LC_CTYPE"],
  ...["LC_IDENTIFICATION", "LC_MEASUREMENT", "LC_MESSAGES", "LC_MONETARY"],
  ...["LC_NAME", "LC_NUMERIC", "LC_PAPER", "LC_TELEPHONE", "LC_TIME"],
];

/**
 * Returns the kind of the terminal that this process runs on.
 *
 * @returns The value of `TERM`, if there is any.
 */
export function terminalKind(): string | undefined {
  return readVariable("TERM") || undefined;
}

/**
 * Returns the language that this process's user wants.
 *
 * @returns The variables that are set, by name.
 */
export function localeVariables(): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const name of LOCALE_VARIABLES) {
    const value = readVariable(name);
    if (value !== undefined) variables[name] = value;
  }
  return variables;
}

/** A value that isn't UTF-8 cannot be sent, and is taken for none. */
function readVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (error instanceof Deno.errors.InvalidData) return undefined;
    throw error;
  }
}
