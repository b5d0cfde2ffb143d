/**
 * Pseudo-terminals, see pty(7).
 *
 * @module
 */

import {
  EPOLLHUP,
  FIONREAD,
  O_CLOEXEC,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  PATH_MAX,
  TIOCGPGRP,
} from "./abi.ts";
import { AsyncFd } from "./async_fd.ts";
import { decodeCString } from "./c_string.ts";
import {
  type EndableTerminal,
  type EndCharacter,
  EndOfInput,
} from "./end_of_input.ts";
import { Errno, OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { writableFromFd } from "./fd_streams.ts";
import { errno, libc } from "./libc.ts";
import { isReadable } from "./poll.ts";
import { setWindowSize, type WindowSize } from "./terminal.ts";
import { TerminalModes } from "./termios.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** A new pseudo-terminal. */
export interface Pty {
  /** The end that stands for the keyboard and the screen. */
  readonly master: PtyMaster;
  /** The path of the other end, which is the terminal to programs. */
  readonly path: string;
}

/**
 * The master of a pseudo-terminal: what is written to it was typed, and what is
 * read from it is to be shown. Closing it hangs the terminal up.
 */
export class PtyMaster extends AsyncFd implements EndableTerminal {
  #lastTyped = LINE_FEED;
  #hungUp = false;
  #end: EndOfInput | undefined;

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
    if (this.#hungUp) this.#end?.stop();
    else this.#end?.notice();
  }

  override close(): void {
    this.#end?.stop();
    super.close();
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
   * Ends the input of whoever reads from the terminal, and keeps it at its end, see
   * {@linkcode EndOfInput}. A second call does nothing.
   */
  endInput(): void {
    if (this.closed || this.#hungUp || this.#end) return;
    this.#end = new EndOfInput(this);
    // Whatever is read from the terminal makes room.
    this.watchRoom();
  }

  /**
   * Asks whether something that was typed waits for a reader.
   *
   * @returns Whether it does, or `undefined` if the terminal cannot be opened, as
   * when somebody has it for himself alone.
   */
  hasUnread(): boolean | undefined {
    const flags = O_RDONLY | O_NOCTTY | O_NONBLOCK;
    let terminal: Fd;
    try {
      terminal = Fd.open(slavePath(this.number), flags);
    } catch {
      return undefined;
    }
    using _ = terminal;
    const count = new Int32Array(1);
    libc().ioctl(terminal.number, BigInt(FIONREAD), count);
    // This count lacks the end of the input, and poll(2) may want several bytes.
    return count[0]! > 0 || isReadable(terminal.number);
  }

  /**
   * Returns what ends the input of whoever reads from the terminal.
   *
   * @returns The character in force, or `undefined` where there is none.
   * @throws {OsError} If the terminal cannot tell.
   */
  endOfInput(): EndCharacter | undefined {
    const { canonical, endOfInput } = TerminalModes.read(this.number);
    return endOfInput === undefined
      ? undefined
      : { code: endOfInput, byLines: canonical };
  }

  /** Whether a line was begun, and not ended by what was typed last. */
  get midLine(): boolean {
    return this.#lastTyped !== LINE_FEED &&
      this.#lastTyped !== CARRIAGE_RETURN;
  }

  /**
   * Types a character, if there is room for it.
   *
   * @param character The character's code.
   * @throws {OsError} If the terminal takes nothing any more.
   */
  type(character: number): void {
    super.tryWrite(Uint8Array.of(character));
    if (character === CARRIAGE_RETURN) this.#lastTyped = character;
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
    onClose: () => master.endInput(),
  });
}
