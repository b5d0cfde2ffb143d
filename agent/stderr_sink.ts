/**
 * Standard error as a place for log records.
 *
 * @module
 */

import type { Sink, TextFormatter } from "@logtape/logtape";

/** How many records may wait for a standard error that takes none. */
const MAX_WAITING = 1000;

const encoder = new TextEncoder();

/**
 * Makes a sink that writes records to standard error, those that come while a
 * write is under way together. Beyond a thousand of them they are dropped, so
 * that a standard error that takes nothing, or is closed, holds nobody up.
 *
 * LogTape's own non-blocking sink looks for records a hundred times a second, or
 * as seldom as it is told to, for ever: an agent with nothing to do must sleep.
 *
 * @param format Formats a record as the text to write.
 * @returns The sink; disposing of it waits for what was logged to be written.
 */
export function stderrSink(format: TextFormatter): Sink & AsyncDisposable {
  const writer = Deno.stderr.writable.getWriter();
  let waiting: string[] = [];
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const text = waiting.join("");
      waiting = [];
      try {
        await writer.write(encoder.encode(text));
      } catch {
        // Nobody can be told.
      }
    }
    writing = undefined;
  }

  const sink: Sink = (record) => {
    if (waiting.length === MAX_WAITING) return;
    waiting.push(format(record));
    writing ??= write();
  };
  return Object.assign(sink, {
    async [Symbol.asyncDispose](): Promise<void> {
      await writing;
      writer.releaseLock();
    },
  });
}
