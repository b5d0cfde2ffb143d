/**
 * Keeping secrets in arguments out of what is logged.
 *
 * @module
 */

import { matchesText } from "../policy/pattern.ts";

/** What stands in the place of a secret. */
const REDACTED = "[redacted]";

/**
 * Redacts a command's arguments. The program's name stays as it is: a record says
 * at least what was run, and messages quote the name.
 *
 * @param argv The command and its arguments.
 * @param patterns Patterns of whole arguments, such as `--password=*`. What `*`
 * stands for is taken out, by the first pattern that matches.
 * @returns The command and its arguments, to be logged.
 */
export function redactArgv(
  argv: readonly string[],
  patterns: readonly string[],
): string[] {
  return argv.map((arg, index) => {
    const pattern = index === 0
      ? undefined
      : patterns.find((pattern) => matchesText(pattern, arg));
    return pattern?.replaceAll("*", REDACTED) ?? arg;
  });
}
