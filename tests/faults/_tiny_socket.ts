/**
 * A client's socket that takes and gives little at a time, and that is closed at
 * once whatever was to be written: Deno's may wait for that.
 *
 * @module
 */

import { SO_SNDBUF, SOL_SOCKET } from "../../ffi/abi.ts";
import type { AsyncFd } from "../../ffi/async_fd.ts";
import { OsError } from "../../ffi/errno.ts";
import { errno, libc } from "../../ffi/libc.ts";
import { openStreamSocket } from "../../ffi/open_stream_socket.ts";
import { encodeAddress, type UnixAddress } from "../../ffi/socket_address.ts";
import { sleep, until, untilStalled } from "../_bounded.ts";

/** The kernel makes it the least that there is, see `SO_SNDBUF` in socket(7). */
const LEAST = Int32Array.of(1);
const LF = 10;

/** A connection with a send buffer for a handful of bytes. */
export class TinySocket implements Disposable {
  /** How often there was no room for a byte, or none to read. */
  refusals = 0;
  readonly #fd: AsyncFd;

  /**
   * @param path The unix socket to connect to.
   * @throws {OsError} If nobody listens there.
   */
  constructor(path: string) {
    const address: UnixAddress = { transport: "unix", path };
    this.#fd = openStreamSocket(address);
    const { number } = this.#fd;
    libc().setsockopt(number, SOL_SOCKET, SO_SNDBUF, LEAST, 4);
    const encoded = encodeAddress(address);
    if (libc().connect(number, encoded, encoded.byteLength) < 0) {
      const code = errno();
      this.#fd.close();
      throw new OsError(code, `connect to ${path}`);
    }
  }

  /**
   * Sends bytes, each by a write of its own.
   *
   * @param bytes The bytes.
   */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes.subarray(at, at + 1);
      await this.#attempt(() => this.#fd.tryWrite(byte), "room for a byte");
    }
  }

  /**
   * Sends bytes over and over, until no more of them are taken for a while.
   *
   * @param bytes The bytes.
   * @param least How many must be taken before that.
   * @returns How many were taken.
   */
  async fill(bytes: Uint8Array, least: number): Promise<number> {
    let sent = 0;
    const push = () => {
      for (;;) {
        const rest = bytes.subarray(sent % bytes.length);
        const count = this.#fd.tryWrite(rest);
        if (count === null) return sent;
        sent += count;
      }
    };
    await until(() => push() > least, `a peer that takes ${least} bytes`);
    return await untilStalled(push, "a peer that takes no more");
  }

  /**
   * Reads a line, each byte by a read of its own.
   *
   * @returns The line without its newline, or `undefined` at the end.
   */
  async readLine(): Promise<string | undefined> {
    const byte = new Uint8Array(1);
    const bytes: number[] = [];
    for (;;) {
      const count = await this.#attempt(() => this.#fd.tryRead(byte), "a byte");
      if (count === 0) return undefined;
      if (byte[0] === LF) break;
      bytes.push(byte[0]!);
    }
    return new TextDecoder().decode(Uint8Array.from(bytes));
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.#fd.close();
  }

  async #attempt(
    operation: () => number | null,
    what: string,
  ): Promise<number> {
    const count = operation();
    if (count !== null) return count;
    return await until(async () => {
      this.refusals++;
      await sleep(0);
      return operation() ?? undefined;
    }, what);
  }
}
