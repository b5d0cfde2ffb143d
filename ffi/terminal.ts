/**
 * The terminal at a descriptor, see tty_ioctl(4) and termios(3).
 *
 * @module
 */

import { TERMIOS, TIOCGWINSZ, TIOCSWINSZ, WINSIZE } from "./abi.ts";
import { Errno, OsError } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import { TerminalModes } from "./termios.ts";

/** How many characters a terminal shows. */
export interface WindowSize {
  /** How many lines. */
  readonly rows: number;
  /** How many characters in a line. */
  readonly cols: number;
}

/** What a `struct winsize` can hold. */
const MAX_SIZE = 0xffff;

/**
 * Asks for the size of a terminal.
 *
 * @param fd The number of a descriptor.
 * @returns The size, or `undefined` if the descriptor is no terminal's or the
 * terminal doesn't know, which it says with a zero.
 */
export function windowSize(fd: number): WindowSize | undefined {
  const size = new DataView(new ArrayBuffer(WINSIZE.size));
  if (libc().ioctl(fd, BigInt(TIOCGWINSZ), size) < 0) return undefined;
  const rows = size.getUint16(WINSIZE.rows, true);
  const cols = size.getUint16(WINSIZE.cols, true);
  return rows === 0 || cols === 0 ? undefined : { rows, cols };
}

/**
 * Tells whether a descriptor is a terminal's.
 *
 * @param fd The number of a descriptor.
 * @returns Whether it is, also where the terminal is gone.
 */
export function isTerminal(fd: number): boolean {
  const modes = new Uint8Array(TERMIOS.size);
  return libc().tcgetattr(fd, modes) === 0 || errno() === Errno.EIO;
}

/**
 * Sets the size of a terminal. If it is another one than before, the terminal's
 * foreground process group gets SIGWINCH.
 *
 * @param fd The number of a descriptor of the terminal.
 * @param size The size, whole numbers from 0 to 65535.
 * @throws {RangeError} If the size is outside of that.
 * @throws {OsError} If the descriptor is no terminal's.
 */
export function setWindowSize(fd: number, { rows, cols }: WindowSize): void {
  for (const count of [rows, cols]) {
    if (!Number.isInteger(count) || count < 0 || count > MAX_SIZE) {
      throw new RangeError(
        `Cannot make a terminal ${rows} × ${cols}: ${count} isn't a whole number from 0 to ${MAX_SIZE}`,
      );
    }
  }
  const size = new DataView(new ArrayBuffer(WINSIZE.size));
  size.setUint16(WINSIZE.rows, rows, true);
  size.setUint16(WINSIZE.cols, cols, true);
  if (libc().ioctl(fd, BigInt(TIOCSWINSZ), size) < 0) {
    throw new OsError(errno(), "set the size of a terminal");
  }
}

/**
 * A terminal's raw mode, in which every key is passed on as it is: also those
 * that otherwise edit a line or raise a signal.
 */
export class RawMode implements Disposable {
  readonly #fd: number;
  readonly #saved: TerminalModes;
  #entered = false;

  /**
   * Saves the terminal's modes.
   *
   * @param fd The number of a descriptor of the terminal, which stays open for
   * as long as this is used.
   * @throws {OsError} If the modes cannot be read: `ENOTTY` if it is no
   * terminal.
   */
  constructor(fd: number) {
    this.#fd = fd;
    this.#saved = TerminalModes.read(fd);
  }

  /**
   * Makes the terminal raw, also where somebody has changed it since the last
   * call.
   *
   * @throws {OsError} If the terminal refuses.
   */
  enter(): void {
    this.#saved.toRaw().write(this.#fd);
    this.#entered = true;
  }

  /**
   * Gives the terminal the saved modes back, if it was made raw.
   *
   * @throws {OsError} If the terminal refuses, as one that is gone does.
   */
  restore(): void {
    if (!this.#entered) return;
    this.#saved.write(this.#fd);
    this.#entered = false;
  }

  /** Gives the terminal the saved modes back. */
  [Symbol.dispose](): void {
    this.restore();
  }
}

/**
 * Tells whether this process is in the background on a terminal, where it is
 * stopped when it reads from it or changes its modes.
 *
 * @param fd The number of a descriptor.
 * @returns Whether it is. On a terminal that doesn't control this process, such
 * as another one's, it never is.
 */
export function isBackground(fd: number): boolean {
  const group = libc().tcgetpgrp(fd);
  return group >= 0 && group !== libc().getpgrp();
}
