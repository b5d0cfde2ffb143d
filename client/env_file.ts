/**
 * Files of variables.
 *
 * @module
 */

import { OsError } from "../ffi/errno.ts";
import { readFile } from "../ffi/read_file.ts";
import { InputError } from "./failure.ts";

/** As much as may fit into the frame that carries it. */
const MAX_BYTES = 1024 * 1024;

const DECODER = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a file of variables.
 *
 * @param path The file's path.
 * @returns The variables by name.
 * @throws {InputError} If the file cannot be read, or is none of variables.
 */
export function readEnvFile(path: string): Record<string, string> {
  try {
    const bytes = readFile(path, MAX_BYTES + 1);
    if (bytes.length > MAX_BYTES) {
      throw new InputError(
        `Cannot read variables from "${path}": it is longer than ${MAX_BYTES} bytes`,
      );
    }
    return parseEnvFile(DECODER.decode(bytes), path);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const reason = error instanceof OsError ? error.message : "it is no UTF-8";
    throw new InputError(`Cannot read variables from "${path}": ${reason}`, {
      cause: error,
    });
  }
}

/**
 * Parses a file of variables in docker's format: a line `KEY=VALUE` each, the
 * value as it is, with its quotes and spaces. Empty lines and those that begin
 * with `#` are skipped.
 *
 * @param text The file's text.
 * @param path The file's path, for messages.
 * @returns The variables by name; of those given twice the last.
 * @throws {InputError} If a line is none of these.
 */
export function parseEnvFile(
  text: string,
  path: string,
): Record<string, string> {
  const variables: [name: string, value: string][] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const [assignment, name, value] = line.match(/^([^=\s]+)=(.*)$/s) ?? [];
    if (assignment === undefined) {
      throw new InputError(
        `"${path}", line ${
          index + 1
        }: must be KEY=VALUE, empty, or a comment that begins with "#"`,
      );
    }
    variables.push([name!, value!]);
  }
  return Object.fromEntries(variables);
}
