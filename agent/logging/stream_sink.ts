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
import type { InheritedFd } from "../../ffi/inherited_fd.ts";
import { Patience } from "./patience.ts";

/** How many records may wait for room. */
const MAX_WAITING = 1000;

const encoder = new TextEncoder();

/**
 * Makes a sink that writes records to a stream at once, while it has room. Records
 * that find none wait, up to a thousand of them; further ones are lost, and how many
 * were is logged when writing goes on. A stream that takes nothing, or fails, holds
 * nobody up, and is tried again: when it has room, or where nothing tells of that,
 * as with a full disk, with the next record.
 *
 * LogTape's own non-blocking sink looks for records at an interval, for ever: an
 * agent with nothing to do must sleep.
 *
 * @param stream The stream; it is left open.
 * @param format Formats a record as the text to write.
 * @returns The sink; disposing of it waits for what was logged to be written, unless
 * the stream fails, and draining it does so for a moment.
 */
export function streamSink(
  stream: Pick<InheritedFd, "tryWrite" | "writable">,
  format: TextFormatter,
): Sink & Drainable & AsyncDisposable {
  const waiting: Uint8Array[] = [];
  let written = 0;
  let lost = 0;
  let room: Promise<void> | undefined;
  const patience = new Patience();

  /** Writes what waits, as far as there is room. */
  function flush(): void {
    try {
      while (waiting.length > 0) {
        const [first] = waiting as [Uint8Array];
        const count = stream.tryWrite(first);
        if (count === null) {
          room = stream.writable().then(goOn);
          return;
        }
        if (count < first.length) {
          waiting[0] = first.subarray(count);
          continue;
        }
        waiting.shift();
        written++;
        if (waiting.length === 0 && lost > 0) {
          waiting.push(encoder.encode(format(lossRecord(lost))));
          lost = 0;
        }
      }
    } catch {
      // The log itself is what failed: the records wait for the next one.
    }
  }

  function goOn(): void {
    room = undefined;
    flush();
  }

  /** Waits until so many records are written, or the stream fails. */
  async function reach(count: number): Promise<void> {
    while (room !== undefined && written < count) await room;
  }

  const sink: Sink = (record) => {
    if (waiting.length >= MAX_WAITING && room === undefined) flush();
    if (waiting.length >= MAX_WAITING) {
      lost++;
      return;
    }
    waiting.push(encoder.encode(format(record)));
    if (room === undefined) flush();
  };
  return Object.assign(sink, {
    async drain(): Promise<void> {
      if (room === undefined) return;
      await patience.wait(reach(written + waiting.length));
    },
    async [Symbol.asyncDispose](): Promise<void> {
      if (room === undefined) flush();
      await reach(Infinity);
    },
  });
}

function lossRecord(count: number): LogRecord {
  const message =
    `${count} records were dropped: the log was full, or was not read in time`;
  return {
    category: ["cocoon-agent", "log"],
    level: "warning",
    message: [message],
    rawMessage: message,
    properties: { dropped: count },
    timestamp: Date.now(),
  };
}
