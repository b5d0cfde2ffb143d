/**
 * The client's own stdout and stderr.
 *
 * @module
 */

import { printMessage, writeOutput } from "../cli/print.ts";
import { formatError } from "../cli/print_error.ts";
import { STDERR, STDOUT } from "../ffi/standard_streams.ts";
import { LeftError } from "./failure.ts";

const LINE_FEED = 0x0a;

/**
 * How long standard error may take nothing when the client was told to end, in
 * milliseconds.
 */
const LEAVING_PATIENCE = 500;

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
    const output = name === "stdout" ? STDOUT : STDERR;
    const onScreen = Deno[name].isTerminal() && Deno.stderr.isTerminal();
    return new WritableStream({
      write: async (chunk) => {
        await writeOutput(output, chunk);
        this.#midLine = onScreen && chunk.at(-1) !== LINE_FEED;
      },
    });
  }

  /**
   * Prints a message to standard error, on a line of its own.
   *
   * @param text The message, without its last newline.
   * @param patience How long standard error may take nothing, in milliseconds.
   */
  async print(text: string, patience?: number): Promise<void> {
    // In raw mode too it begins at the left.
    const line = `${this.#midLine ? "\r\n" : ""}${text}`;
    this.#midLine = false;
    await printMessage(line, patience);
  }

  /**
   * Prints an error to standard error, on a line of its own.
   *
   * @param error What was thrown.
   */
  async printError(error: unknown): Promise<void> {
    const patience = error instanceof LeftError ? LEAVING_PATIENCE : undefined;
    await this.print(formatError(error), patience);
  }
}
