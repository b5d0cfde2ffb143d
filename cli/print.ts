/**
 * What the command line writes to its own stdout and stderr.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { Errno, OsError } from "../ffi/errno.ts";
import type { InheritedFd } from "../ffi/inherited_fd.ts";
import { STDERR, STDOUT } from "../ffi/standard_streams.ts";

/** What a shell reports of a program that SIGPIPE ended. */
export const EXIT_BROKEN_PIPE = 141;

/**
 * How long a message may wait for standard error to take it, in milliseconds. A
 * terminal that takes nothing was stopped by its user, or nobody reads it.
 */
const PATIENCE = { terminal: 500, others: 5000 } as const;

const encoder = new TextEncoder();

/**
 * Writes bytes to an output, and waits until it has room for them.
 *
 * @param output The output.
 * @param bytes The bytes, which must stay as they are until then.
 * @throws {Deno.errors.BrokenPipe} If nobody reads the output any more.
 * @throws {OsError} If it cannot be written to for another reason.
 */
export async function writeOutput(
  output: InheritedFd,
  bytes: Uint8Array,
): Promise<void> {
  try {
    await output.write(bytes);
  } catch (cause) {
    if (cause instanceof OsError && cause.errno === Errno.EPIPE) {
      throw new Deno.errors.BrokenPipe(cause.message, { cause });
    }
    throw cause;
  }
}

/**
 * Prints what a command was asked for to standard output.
 *
 * @param text The text, without its last newline.
 * @throws As {@linkcode writeOutput} does.
 */
export async function print(text: string): Promise<void> {
  await writeOutput(STDOUT, encoder.encode(`${text}\n`));
}

/**
 * Prints a message to standard error, if that can be written to. Where it takes
 * nothing for long the message is left out, so that the program comes to its end.
 *
 * @param text The message, without its last newline.
 * @param patience How long that may be, in milliseconds: by default 5 s, and on a
 * terminal half a second.
 */
export async function printMessage(
  text: string,
  patience: number = Deno.stderr.isTerminal()
    ? PATIENCE.terminal
    : PATIENCE.others,
): Promise<void> {
  const over = new AbortController();
  const late = delay(patience, { signal: over.signal }).catch(ignore);
  // A failure to write to stderr can be told nowhere but by the exit code.
  const written = STDERR.write(encoder.encode(`${text}\n`)).catch(ignore);
  await Promise.race([written, late]);
  over.abort();
}

function ignore(): void {}
