/**
 * A file for audit records, beside the log.
 *
 * @module
 */

import {
  type Drainable,
  getLogger,
  type LogRecord,
  type Sink,
  type TextFormatter,
} from "@logtape/logtape";
import { LimitedLog } from "./limited_log.ts";
import { omittedRecord, sessionsWithoutRun } from "./omitted_sessions.ts";
import { Patience } from "./patience.ts";
import { MAX_BYTES, RotatedFile } from "./rotated_file.ts";

/**
 * How much of the room in a file is for sessions that ran nothing, as its share. As
 * they never fill a file, no number of them, nor of the agent's starts, pushes out
 * of the files what ran.
 */
const SHARE_WITHOUT_RUN = 1 / 10;
/** How much may wait for the disk, in bytes. */
const MAX_WAITING = 8 * 1024 * 1024;
/** How much may wait for it before sessions that ran nothing are only counted. */
const MAX_WAITING_WITHOUT_RUN = 1024 * 1024;

/** A record that waits for the disk. */
interface Entry {
  /** Its line. */
  readonly line: Uint8Array;
  /** How many sessions that ran nothing it is about. */
  readonly withoutRun: number;
}

const encoder = new TextEncoder();
// Records of the audit logger's own would come here again.
const failures = new LimitedLog({
  logger: getLogger(["logtape", "meta"]),
  level: "warning",
  max: 10,
  period: 1000,
  summary: "{unlogged} times more the audit file lacks records",
});

/**
 * Makes a sink that appends records to a file, in order, and begins a new one when
 * it is full. No session waits for the disk but for a moment. What the file didn't
 * take is logged by LogTape's meta logger.
 *
 * @param path The file's path, in a folder that is there.
 * @param format Formats a record as a line.
 * @returns The sink; disposing of it waits for the disk.
 * @throws {Error} If the file cannot be opened, or is no regular file.
 */
export async function auditFileSink(
  path: string,
  format: TextFormatter,
): Promise<Sink & Drainable & AsyncDisposable> {
  const queue = new AuditFile(await RotatedFile.open(path), format);
  return Object.assign((record: LogRecord) => queue.add(record), {
    drain: () => queue.drain(),
    [Symbol.asyncDispose]: () => queue.close(),
  });
}

class AuditFile {
  readonly #file: RotatedFile;
  readonly #format: TextFormatter;
  readonly #patience = new Patience();
  #waiting: Entry[] = [];
  #waitingBytes = 0;
  /** Resolves when what waits now was written, or wasn't. */
  #written = Promise.withResolvers<void>();
  /** The same for what is being written. */
  #writing: Promise<void> | undefined;
  /** How many bytes the file still takes of sessions that ran nothing. */
  #roomWithoutRun: number;
  /** How many of those sessions the file doesn't tell of so far. */
  #omitted = 0;
  /** How many records the file lacks, of which nobody was told so far. */
  #lost = 0;

  constructor(file: RotatedFile, format: TextFormatter) {
    this.#file = file;
    this.#format = format;
    this.#roomWithoutRun = roomWithoutRun(file);
  }

  add(record: LogRecord): void {
    const withoutRun = sessionsWithoutRun(record);
    if (withoutRun > 0 && this.#waitingBytes > MAX_WAITING_WITHOUT_RUN) {
      this.#omitted += withoutRun;
      return;
    }
    if (this.#waitingBytes > MAX_WAITING) {
      this.#lost++;
      return;
    }
    const line = this.#line(record);
    this.#waiting.push({ line, withoutRun });
    this.#waitingBytes += line.length;
    if (this.#writing === undefined) this.#writeAll();
  }

  async drain(): Promise<void> {
    const last = this.#waiting.length > 0
      ? this.#written.promise
      : this.#writing;
    if (last) await this.#patience.wait(last);
  }

  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
    if (this.#omitted > 0) {
      const line = this.#line(omittedRecord(this.#omitted));
      this.#omitted = 0;
      await this.#write([{ line, withoutRun: 0 }]);
    }
    this.#file[Symbol.dispose]();
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const entries = this.#waiting;
      const { promise, resolve } = this.#written;
      this.#writing = promise;
      this.#waiting = [];
      this.#waitingBytes = 0;
      this.#written = Promise.withResolvers();
      await this.#write(entries);
      resolve();
    }
    this.#writing = undefined;
  }

  /** Writes records, and never throws. */
  async #write(entries: readonly Entry[]): Promise<void> {
    let rest = entries.length;
    let lines: Uint8Array[] = [];
    let bytes = 0;
    let failure: unknown;
    const flush = async () => {
      const { lines: whole, error } = await this.#file.append(lines);
      this.#lost += lines.length - whole;
      failure = error ?? failure;
      lines = [];
      bytes = 0;
    };
    const push = async (line: Uint8Array) => {
      const size = this.#file.size + bytes;
      if (size > 0 && size + line.length > MAX_BYTES) {
        if (bytes > 0) await flush();
        await this.#file.rotate();
        this.#roomWithoutRun = roomWithoutRun(this.#file);
      }
      lines.push(line);
      bytes += line.length;
    };
    try {
      if (await this.#file.follow()) {
        this.#roomWithoutRun = roomWithoutRun(this.#file);
      }
      for (const { line, withoutRun } of entries) {
        if (withoutRun > 0) {
          if (line.length > this.#roomWithoutRun) {
            this.#omitted += withoutRun;
            rest--;
            continue;
          }
          this.#roomWithoutRun -= line.length;
        } else if (this.#omitted > 0) {
          const omitted = this.#omitted;
          await push(this.#line(omittedRecord(omitted)));
          this.#omitted -= omitted;
        }
        await push(line);
        rest--;
      }
      if (bytes > 0) await flush();
    } catch (error) {
      this.#lost += rest;
      failure = error;
    }
    if (this.#lost > 0) this.#tellLoss(failure);
  }

  #tellLoss(failure: unknown): void {
    failures.record(
      "{lost} records are missing in the audit file, and are in this log alone: {error}",
      {
        lost: this.#lost,
        error: failure instanceof Error
          ? failure.message
          : "the disk took them too slowly",
      },
    );
    this.#lost = 0;
  }

  #line(record: LogRecord): Uint8Array {
    return encoder.encode(this.#format(record));
  }
}

function roomWithoutRun({ size }: RotatedFile): number {
  return Math.max(0, MAX_BYTES - size) * SHARE_WITHOUT_RUN;
}
