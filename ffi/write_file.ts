/**
 * Writing files without a permission for each.
 *
 * @module
 */

import { O_WRONLY } from "./abi.ts";
import { errno, libc } from "./libc.ts";
import { OsError } from "./errno.ts";
import { Fd } from "./fd.ts";

const encoder = new TextEncoder();

/**
 * Writes a text to a file that is there, by one write(2), as the files of kernel
 * interfaces want it.
 *
 * @param path The file's path.
 * @param text What to write.
 * @throws {OsError} If the file cannot be opened, or doesn't take the text.
 */
export function writeFile(path: string, text: string): void {
  using file = Fd.open(path, O_WRONLY);
  const bytes = encoder.encode(text);
  if (libc().write(file.number, bytes, BigInt(bytes.length)) < 0) {
    throw new OsError(errno(), `write "${text}" to "${path}"`);
  }
}

/**
 * Writes a text to an open file by one write(2) on a thread of the runtime's pool,
 * where the kernel may take its time over it.
 *
 * @param file The file, to stay open until then.
 * @param text What to write.
 * @throws {Error} If the file doesn't take the text. Which error it was, that
 * thread alone knows.
 */
export async function writeBlocking(file: Fd, text: string): Promise<void> {
  const bytes = encoder.encode(text);
  const size = BigInt(bytes.length);
  if (await libc().write_blocking(file.number, bytes, size) < 0) {
    throw new Error(`Cannot write "${text}" to a file`);
  }
}
