/**
 * Pseudo-terminals, see pty(7).
 *
 * @module
 */

import {
  EPOLLHUP,
  O_CLOEXEC,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDWR,
  PATH_MAX,
  TIOCGPGRP,
} from "./abi.ts";
import { AsyncFd } from "./async_fd.ts";
import { decodeCString } from "./c_string.ts";
import { Errno, OsError } from "./errno.ts";
import { writableFromFd } from "./fd_streams.ts";
import { errno, libc } from "./libc.ts";
import { setWindowSize, type WindowSize } from "./terminal.ts";
import { TerminalModes } from "./termios.ts";

/** A new pseudo-terminal. */
export interface Pty {
  /** The end that stands for the keyboard and the screen. */
  readonly master: PtyMaster;
  /** The path of the other end, which is the terminal to programs. */
  readonly path: string;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * The master of a pseudo-terminal: what is written to it was typed, and what is
 * read from it is to be shown. Closing it hangs the terminal up.
 */
export class PtyMaster extends AsyncFd {
  #lastTyped = LINE_FEED;
  #hungUp = false;

  /**
   * Reads once.
   *
   * @param into Where the bytes go.
   * @returns How many bytes were read, 0 when no process has the terminal open
   * any more, or `null` if nothing is there yet.
   * @throws {OsError} If the read fails.
   */
  override tryRead(into: Uint8Array): number | null {
    // The kernel looks for output and then whether the terminal was closed: the
    // last output, if it came in between (8 of 300 000 times), is found by
    // looking again.
    for (let looks = 0; looks < 2; looks++) {
      try {
        return super.tryRead(into);
      } catch (error) {
        if (!isClosedTerminal(error)) throw error;
      }
    }
    return 0;
  }

  /**
   * Writes once.
   *
   * @param from The bytes to write.
   * @returns How many bytes were written, or `null` if there is no room yet.
   * @throws {OsError} If the write fails, with `EIO` when there is no room and
   * no process has the terminal open any more.
   */
  override tryWrite(from: Uint8Array): number | null {
    const count = super.tryWrite(from);
    if (count) this.#lastTyped = from[count - 1]!;
    // The kernel takes what fits, and would let a writer wait for more room.
    if (count === null && this.#hungUp) throw new OsError(Errno.EIO, "write");
    return count;
  }

  override onEvents(events: number): void {
    if (events & EPOLLHUP) this.#hungUp = true;
    super.onEvents(events);
  }

  /**
   * Sets the terminal's size, and tells its foreground process group.
   *
   * @param size The size, whole numbers from 0 to 65535.
   * @throws {RangeError} If the size is outside of that.
   */
  resize(size: WindowSize): void {
    setWindowSize(this.number, size);
  }

  /**
   * Asks which process group is in the foreground.
   *
   * @returns The group, or `undefined` if the terminal controls no session.
   */
  foregroundGroup(): number | undefined {
    const group = new Int32Array(1);
    const result = libc().ioctl(this.number, BigInt(TIOCGPGRP), group);
    return result < 0 || group[0] === 0 ? undefined : group[0];
  }

  /**
   * Returns what is to be typed for whoever reads from the terminal to see the
   * end of the input.
   *
   * @returns The character in force, or two of it: at the end of a line it is
   * the end of the input, elsewhere it only hands over what was typed so far.
   * Nothing where the terminal has no such character.
   * @throws {OsError} If the terminal cannot tell.
   */
  endOfInput(): Uint8Array {
    const modes = TerminalModes.read(this.number);
    if (modes.endOfInput === undefined) return new Uint8Array(0);
    const midLine = modes.canonical && this.#lastTyped !== LINE_FEED &&
      this.#lastTyped !== CARRIAGE_RETURN;
    return new Uint8Array(midLine ? 2 : 1).fill(modes.endOfInput);
  }
}

/** The kernel says so when no process has the other end open any more. */
function isClosedTerminal(error: unknown): boolean {
  return error instanceof OsError && error.errno === Errno.EIO;
}

/**
 * Makes a pseudo-terminal with the kernel's usual modes, for UTF-8.
 *
 * @param size The terminal's size.
 * @returns The pseudo-terminal; its master is to be closed by the caller.
 * @throws {RangeError} If the size isn't whole numbers from 0 to 65535.
 * @throws {OsError} If there is none to be had: `ENOSPC` when the system has no
 * more of them, `EMFILE` when the process is out of descriptors.
 */
export function openPty(size: WindowSize): Pty {
  const flags = O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK;
  const number = libc().posix_openpt(flags);
  if (number < 0) throw new OsError(errno(), "open a pseudo-terminal");
  const master = new PtyMaster(number);
  try {
    if (libc().unlockpt(number) < 0) {
      throw new OsError(errno(), "unlock a pseudo-terminal");
    }
    const path = slavePath(number);
    const modes = TerminalModes.read(number);
    modes.setUtf8();
    modes.write(number);
    master.resize(size);
    return { master, path };
  } catch (error) {
    master.close();
    throw error;
  }
}

function slavePath(master: number): string {
  const path = new Uint8Array(PATH_MAX);
  const result = libc().ptsname_r(master, path, BigInt(PATH_MAX));
  if (result !== 0) throw new OsError(result, "name a pseudo-terminal");
  return decodeCString(path);
}

/**
 * Returns a stream of what is typed at a terminal. Closing it ends the input of
 * whoever reads there, and leaves the master open.
 *
 * @param master The terminal's master.
 * @returns The stream; a failed write errors it with an `OsError`.
 */
export function writableFromPty(
  master: PtyMaster,
): WritableStream<Uint8Array> {
  return writableFromFd(master, {
    preventClose: true,
    trailer: () => master.endOfInput(),
  });
}
