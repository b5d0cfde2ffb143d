/**
 * The environment that this process was started with, see environ(7).
 *
 * @module
 */

import { decodeText } from "./c_string.ts";
import { OsError } from "./errno.ts";
import { readWhole } from "./read_file.ts";

/** More than a process can be started with, see execve(2), in bytes. */
const MAX_BYTES = 8 * 1024 * 1024;

let environment: Readonly<Record<string, string>> | undefined;

/**
 * Returns the variables that this process was started with, also those that aren't
 * UTF-8, of which Deno returns none at all: their bytes are kept, see `decodeText`.
 *
 * @returns The variables by name. Where /proc isn't there, they are those that Deno
 * returns.
 */
export function ownEnvironment(): Readonly<Record<string, string>> {
  return environment ??= readEnvironment();
}

function readEnvironment(): Record<string, string> {
  const variables: Record<string, string> = {};
  try {
    for (
      const variable of decodeText(readWhole("/proc/self/environ", MAX_BYTES))
        .split("\0")
    ) {
      const [name, ...value] = variable.split("=");
      // A process may be started with what is no variable, too.
      if (name && value.length > 0) variables[name] = value.join("=");
    }
    return variables;
  } catch (error) {
    if (error instanceof OsError) return Deno.env.toObject();
    throw error;
  }
}
