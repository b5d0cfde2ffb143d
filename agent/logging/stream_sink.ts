/**
 * A stream, such as standard error, as a place for log records.
 *
 * @module
 */

import type {
  Drainable,
  LogRecord,
  Sink,
  TextFormatter,
} from "@logtape/logtape";
import { Patience } from "./patience.ts";

/** How many records may wait for a write that is under way. */
const MAX_WAITING = 1000;

const encoder = new TextEncoder();

/**
 * Makes a sink that writes records to a stream, those together that come while a
 * write is under way. Beyond a thousand of them they are dropped, and how many
 * were is logged when writing goes on: a stream that takes nothing, or fails,
 * holds nobody up.
 *
 * LogTape's own non-blocking sink looks for records at an interval, for ever: an
 * agent with nothing to do must sleep.
 *
 * @param stream The stream; it is left open.
 * @param format Formats a record as the text to write.
 * @returns The sink; disposing of it waits for what was logged to be written, and
 * draining it does so for a moment.
 */
export function streamSink(
  stream: WritableStream<Uint8Array>,
  format: TextFormatter,
): Sink & Drainable & AsyncDisposable {
  const writer = stream.getWriter();
  // Each write tells.
  writer.closed.catch(() => {});
  let waiting: string[] = [];
  let dropped = 0;
  let writing: Promise<void> | undefined;
  const patience = new Patience();
  /** The end of the write under way, and of the one after it. */
  let current: Promise<void> | undefined;
  let next = Promise.withResolvers<void>();

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      if (dropped > 0) waiting.push(format(dropRecord(dropped)));
      const text = waiting.join("");
      const { promise, resolve } = next;
      current = promise;
      next = Promise.withResolvers();
      waiting = [];
      dropped = 0;
      try {
        await writer.write(encoder.encode(text));
      } catch {
        // Nobody can be told.
      }
      resolve();
    }
    current = undefined;
    writing = undefined;
  }

  const sink: Sink = (record) => {
    if (waiting.length >= MAX_WAITING) {
      dropped++;
      return;
    }
    waiting.push(format(record));
    writing ??= write();
  };
  return Object.assign(sink, {
    async drain(): Promise<void> {
      const last = waiting.length > 0 ? next.promise : current;
      if (last) await patience.wait(last);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await writing;
      writer.releaseLock();
    },
  });
}

function dropRecord(count: number): LogRecord {
  const message = `${count} records were dropped: the log was not read in time`;
  return {
    category: ["cocoon-agent", "log"],
    level: "warning",
    message: [message],
    rawMessage: message,
    properties: { dropped: count },
    timestamp: Date.now(),
  };
}
