/**
 * The client's own stdout and stderr.
 *
 * @module
 */

import { formatError, printHint } from "../cli/print_error.ts";
import { isWritable } from "../ffi/poll.ts";

const STDERR = 2;
const LINE_FEED = 0x0a;

/** How long standard error may take nothing, in milliseconds. */
const PATIENCE = 500;

/** How much it takes without blocking once it takes something, see pipe(7). */
const MAX_BYTES = 4096;

/** Where a command's output goes, and between it the client's own messages. */
export class LocalOutput {
  /** Whether the command has left a line unfinished on the screen. */
  #midLine = false;

  /**
   * Opens one of the two for a command's output. It stays open at the end, as
   * messages may follow.
   *
   * @param name Which one.
   * @returns A stream that fails with a `BrokenPipe` where nobody reads any more,
   * and otherwise with what could not be written where.
   */
  open(name: "stdout" | "stderr"): WritableStream<Uint8Array> {
    const onScreen = Deno[name].isTerminal() && Deno.stderr.isTerminal();
    return new WritableStream({
      write: async (chunk) => {
        await write(name, chunk);
        this.#midLine = onScreen && chunk.at(-1) !== LINE_FEED;
      },
    });
  }

  /**
   * Prints a message to standard error, on a line of its own.
   *
   * @param text The message, without its last newline.
   */
  print(text: string): void {
    // In raw mode too it begins at the left.
    printGuarded(`${this.#midLine ? "\r\n" : ""}${text}`);
    this.#midLine = false;
  }

  /**
   * Prints an error to standard error, on a line of its own.
   *
   * @param error What was thrown.
   */
  printError(error: unknown): void {
    this.print(formatError(error));
  }
}

/**
 * Prints a message to standard error, as far as that takes it at once: a terminal
 * that nobody reads must not keep the client from its end.
 *
 * @param text The message, without its last newline.
 */
export function printGuarded(text: string): void {
  if (!isWritable(STDERR, PATIENCE)) return;
  const room = new Uint8Array(MAX_BYTES - "\n".length);
  const { read } = new TextEncoder().encodeInto(text, room);
  printHint(text.slice(0, read));
}

async function write(
  name: "stdout" | "stderr",
  chunk: Uint8Array,
): Promise<void> {
  try {
    for (let at = 0; at < chunk.length;) {
      at += await Deno[name].write(chunk.subarray(at));
    }
  } catch (cause) {
    if (cause instanceof Deno.errors.BrokenPipe) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot write to ${name}: ${reason}`, { cause });
  }
}
