/**
 * Listening stream sockets, on vsock and on unix sockets.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { SOCK_CLOEXEC, SOCK_NONBLOCK, SOCKADDR_VM } from "./abi.ts";
import { AsyncFd } from "./async_fd.ts";
import { Connection, unixPeer } from "./connection.ts";
import { Errno, OsError } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import { openStreamSocket } from "./open_stream_socket.ts";
import { readinessLoop } from "./readiness_loop.ts";
import {
  decodeVsockAddress,
  encodeAddress,
  formatAddress,
  type SocketAddress,
  type UnixAddress,
} from "./socket_address.ts";
import {
  findSocketFile,
  removeSocketFile,
  type SocketFile,
} from "./socket_file.ts";

/** Options for {@linkcode listen}. */
export interface ListenOptions {
  /**
   * Called when no connection can be accepted for now, because the process or
   * the machine is out of descriptors or memory. Accepting goes on by itself.
   *
   * @param error What the kernel said.
   */
  onPause?: (error: OsError) => void;
}

/** The kernel cuts it to /proc/sys/net/core/somaxconn. */
const BACKLOG = 4096;
/** How long accepting pauses when there are no descriptors, in milliseconds. */
const PAUSE = 100;

const EXHAUSTED: readonly number[] = [
  Errno.EMFILE,
  Errno.ENFILE,
  Errno.ENOBUFS,
  Errno.ENOMEM,
];

/** A listening socket: an async iterable of the connections it accepts. */
export class Listener implements Disposable, AsyncIterable<Connection> {
  /** Where it listens. */
  readonly address: SocketAddress;
  readonly #fd: AsyncFd;
  readonly #onPause: ((error: OsError) => void) | undefined;
  readonly #file: SocketFile | undefined;
  readonly #closing = new AbortController();

  /**
   * @param fd The listening socket, which the listener closes.
   * @param address Where it listens.
   * @param options The options.
   */
  constructor(fd: AsyncFd, address: SocketAddress, options: ListenOptions) {
    this.#fd = fd;
    this.address = address;
    this.#onPause = options.onPause;
    if (hasFile(address)) this.#file = findSocketFile(address.path);
  }

  /**
   * Accepts connections until the listener is closed.
   *
   * @throws {OsError} If the kernel refuses for a reason that waiting doesn't
   * mend.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Connection, void, void> {
    let paused = false;
    while (!this.#fd.closed) {
      try {
        for (let turn; (turn = readinessLoop.countOperation());) await turn;
        if (this.#fd.closed) return;
        const connection = this.#tryAccept();
        paused = false;
        if (connection) yield connection;
        else await this.#fd.readable();
      } catch (error) {
        if (!(error instanceof OsError && EXHAUSTED.includes(error.errno))) {
          throw error;
        }
        if (!paused) this.#onPause?.(error);
        paused = true;
        await delay(PAUSE, { signal: this.#closing.signal }).catch(() => {});
      }
    }
  }

  /**
   * Stops listening, and removes the socket's file if it is still this
   * listener's; connections that were accepted go on.
   */
  close(): void {
    if (this.#fd.closed) return;
    this.#fd.close();
    if (this.#file) removeSocketFile(this.#file);
    this.#closing.abort();
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    this.close();
  }

  #tryAccept(): Connection | undefined {
    const address = new Uint8Array(SOCKADDR_VM.size);
    const length = Uint32Array.of(address.byteLength);
    const flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
    for (;;) {
      const result = libc().accept4(this.#fd.number, address, length, flags);
      if (result >= 0) {
        const fd = new AsyncFd(result);
        try {
          const peer = this.address.transport === "vsock"
            ? decodeVsockAddress(address)
            : unixPeer(fd);
          return new Connection(fd, peer);
        } catch (error) {
          fd.close();
          throw error;
        }
      }
      const code = errno();
      if (code === Errno.EAGAIN) return undefined;
      // A peer that gave up while it waited concerns nobody else.
      if (code === Errno.EINTR || code === Errno.ECONNABORTED) continue;
      throw new OsError(code, `accept on ${formatAddress(this.address)}`);
    }
  }
}

/**
 * Listens on a vsock port or a unix socket.
 *
 * A unix socket's file is made readable and writable for its owner alone. A
 * file that a dead listener left behind is replaced, a live listener's never.
 *
 * @param address Where to listen.
 * @param options The options.
 * @returns The listener.
 * @throws {OsError} If the address cannot be bound: `EADDRINUSE` when somebody
 * else has it, `EAFNOSUPPORT` where the kernel has no vsock.
 */
export function listen(
  address: SocketAddress,
  options: ListenOptions = {},
): Listener {
  const fd = openStreamSocket(address);
  try {
    // The file gets the socket's mode when it is bound, so it is never open to
    // others.
    if (hasFile(address) && libc().fchmod(fd.number, 0o600) < 0) {
      throw new OsError(errno(), `make ${formatAddress(address)} private`);
    }
    bind(fd, address);
    if (libc().listen(fd.number, BACKLOG) < 0) {
      throw new OsError(errno(), `listen on ${formatAddress(address)}`);
    }
    return new Listener(fd, address, options);
  } catch (error) {
    fd.close();
    throw error;
  }
}

/** An abstract name is no file: only the peer's credentials count there. */
function hasFile(address: SocketAddress): address is UnixAddress {
  return address.transport === "unix" && !address.path.startsWith("@");
}

function bind(fd: AsyncFd, address: SocketAddress): void {
  const encoded = encodeAddress(address);
  for (;;) {
    const result = libc().bind(fd.number, encoded, encoded.byteLength);
    if (result >= 0) return;
    const code = errno();
    const text = `bind ${formatAddress(address)}`;
    if (code !== Errno.EADDRINUSE || !hasFile(address)) {
      throw new OsError(code, text);
    }
    const file = findSocketFile(address.path);
    if (!file) throw new OsError(code, `${text}, where a file is no socket`);
    if (!isStale(address)) {
      throw new OsError(code, `${text}, where somebody listens`);
    }
    if (!removeSocketFile(file)) {
      throw new OsError(code, `${text}, whose file cannot be replaced`);
    }
  }
}

/** Tells whether nobody listens any more on a unix socket whose file is there. */
function isStale(address: UnixAddress): boolean {
  using probe = openStreamSocket(address);
  const encoded = encodeAddress(address);
  const result = libc().connect(probe.number, encoded, encoded.byteLength);
  return result < 0 && errno() === Errno.ECONNREFUSED;
}
