/**
 * A file for audit records, beside the log.
 *
 * @module
 */

import { getRotatingFileSink } from "@logtape/file";
import type { LogRecord, Sink, TextFormatter } from "@logtape/logtape";

/** How large a file grows before the next one is begun, in bytes. */
const MAX_BYTES = 10 * 1024 * 1024;
/** How many older files are kept, as `PATH.1`, the newest, and so on. */
const OLDER_FILES = 4;
/** Who may read the files. */
const MODE = 0o600;

/** A sink that can begin anew. */
export interface AuditFileSink extends AsyncDisposable {
  /** Takes a record. */
  (record: LogRecord): void;
  /** Opens the file again for the next record: one failed to be kept. */
  reopen(): void;
}

/**
 * Makes a sink that appends records to a file, and begins a new one when it is
 * full. A record is in the file at once, or when the disk has what came before it.
 * That the file took none is logged by LogTape's meta logger.
 *
 * @param path The file's path, in a folder that is there.
 * @param format Formats a record as a line.
 * @returns The sink; disposing of it waits for the disk.
 * @throws {Error} If the file cannot be opened, or is no regular file.
 */
export function auditFileSink(
  path: string,
  format: TextFormatter,
): AuditFileSink {
  let file: RotatingFile;
  let inode: number | null | undefined;
  try {
    open();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Cannot keep audit records in ${JSON.stringify(path)}: ${
        cause instanceof Deno.errors.NotCapable
          ? "this program may write none but in /var/log/cocoon-agent; choose a file there"
          : cause instanceof Deno.errors.NotFound
          ? "its folder isn't there; make it, for the agent's user alone (install -d -m 700)"
          : reason
      }`,
      { cause },
    );
  }
  function open(): void {
    file = openFile(path, format);
    inode = makePrivate(path)?.ino;
  }
  const sink = (record: LogRecord) => {
    // Somebody may have removed the file, or put another one in its place. LogTape
    // has none any more once it could not begin a new one.
    if (inode === undefined || makePrivate(path)?.ino !== inode) {
      close(file).catch(() => {});
      open();
    }
    file(record);
  };
  return Object.assign(sink, {
    reopen: () => inode = undefined,
    [Symbol.asyncDispose]: () => close(file),
  });
}

type RotatingFile = Sink & AsyncDisposable;

async function close(file: RotatingFile): Promise<void> {
  await file[Symbol.asyncDispose]();
}

function openFile(path: string, formatter: TextFormatter): RotatingFile {
  // Opening a pipe would wait for whoever reads it.
  makePrivate(path);
  // To its types this is the blocking sink.
  return getRotatingFileSink(path, {
    formatter,
    maxSize: MAX_BYTES,
    maxFiles: OLDER_FILES,
    // Nothing waits for a timer, which would keep an idle agent awake.
    bufferSize: 0,
    // No session waits for the disk.
    nonBlocking: true,
  }) as Sink as RotatingFile;
}

/**
 * Keeps a file to its owner: the one that a rotation begins has the usual mode.
 * Returns nothing if there is none.
 */
function makePrivate(path: string): Deno.FileInfo | undefined {
  let status: Deno.FileInfo;
  try {
    status = Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (!status.isFile) throw new Error("it is no regular file");
  if ((status.mode! & 0o777) !== MODE) Deno.chmodSync(path, MODE);
  return status;
}
