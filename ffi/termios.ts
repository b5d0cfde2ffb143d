/**
 * The modes of a terminal.
 *
 * @module
 */

import {
  _POSIX_VDISABLE,
  ICANON,
  IUTF8,
  TCSANOW,
  TERMIOS,
  VEOF,
} from "./abi.ts";
import { Errno, OsError } from "./errno.ts";
import { errno, libc } from "./libc.ts";

/** What `struct termios` holds, see termios(3). */
export class TerminalModes {
  readonly #view = new DataView(new ArrayBuffer(TERMIOS.size));

  /**
   * Reads the modes in force, see tcgetattr(3).
   *
   * @param fd The number of a descriptor of the terminal, or of the master of a
   * pseudo-terminal.
   * @returns The modes.
   * @throws {OsError} If they cannot be read: `ENOTTY` if it is no terminal.
   */
  static read(fd: number): TerminalModes {
    const modes = new TerminalModes();
    if (libc().tcgetattr(fd, modes.#view) < 0) {
      throw new OsError(errno(), "read the modes of a terminal");
    }
    return modes;
  }

  /**
   * Puts the modes in force at once, see tcsetattr(3). Waiting for output that is
   * under way, as `TCSADRAIN` does, would have no end where nobody reads it; and
   * the kernel had applied the old modes to it when it was written.
   *
   * @param fd The number of the terminal's descriptor.
   * @throws {OsError} If the terminal refuses.
   */
  write(fd: number): void {
    while (libc().tcsetattr(fd, TCSANOW, this.#view) < 0) {
      const code = errno();
      if (code !== Errno.EINTR) {
        throw new OsError(code, "set the modes of a terminal");
      }
    }
  }

  /** Returns these modes with every key passed on as it is, see cfmakeraw(3). */
  toRaw(): TerminalModes {
    const raw = new TerminalModes();
    new Uint8Array(raw.#view.buffer).set(new Uint8Array(this.#view.buffer));
    libc().cfmakeraw(raw.#view);
    return raw;
  }

  /** Lets the terminal know that its characters are UTF-8, for erasing. */
  setUtf8(): void {
    const flags = this.#view.getUint32(TERMIOS.inputFlags, true);
    this.#view.setUint32(TERMIOS.inputFlags, flags | IUTF8, true);
  }

  /** Whether input is read by lines. */
  get canonical(): boolean {
    return (this.#view.getUint32(TERMIOS.localFlags, true) & ICANON) !== 0;
  }

  /** The character that ends the input, `undefined` if none does. */
  get endOfInput(): number | undefined {
    const code = this.#view.getUint8(TERMIOS.controlCharacters + VEOF);
    return code === _POSIX_VDISABLE ? undefined : code;
  }
}
