/**
 * Variables by which callers could have any program do something else.
 *
 * @module
 */

/**
 * What the C library reads files by, or changes its own ways by, besides `LD_*`; see
 * "Secure-execution mode" in ld.so(8).
 */
const NAMES: readonly string[] = [
  "GCONV_PATH",
  "GETCONF_DIR",
  "GLIBC_TUNABLES",
  "HOSTALIASES",
  "LOCPATH",
  "MALLOC_TRACE",
  "NIS_PATH",
  "NLSPATH",
  "RESOLV_HOST_CONF",
  "TZDIR",
];

/**
 * What names a file below a folder of the system's, unless its value leads out of
 * there: a catalogue of messages holds format strings. As `env_check` in sudoers(5).
 */
const CHECKED: readonly string[] = [
  "COLORTERM",
  "LANG",
  "LANGUAGE",
  "LINGUAS",
  "TERM",
];

/**
 * Finds a variable by which a caller could have a granted program, or the tool
 * that changes the user before it does, run other code.
 *
 * @param variables The variables that the caller sets, by name.
 * @returns What is wrong with the first such variable, or `undefined`.
 */
export function findLoaderVariable(
  variables: Readonly<Record<string, string>>,
): string | undefined {
  for (const [name, value] of Object.entries(variables)) {
    const quoted = `variable ${JSON.stringify(name)}`;
    if (name.startsWith("LD_") || NAMES.includes(name)) {
      return `${quoted} could make it run other code`;
    }
    if (isChecked(name) && /[/%]/.test(value)) {
      return `${quoted} holds a "/" or a "%", by which it could make it run other code`;
    }
    if (name === "TZ" && /^:?\/|\.\./.test(value)) {
      return `${quoted} names a file, by which it could make it read what isn't its own`;
    }
  }
  return undefined;
}

function isChecked(name: string): boolean {
  return name.startsWith("LC_") || CHECKED.includes(name);
}
