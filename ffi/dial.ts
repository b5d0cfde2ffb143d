/**
 * Connecting stream sockets, on vsock and on unix sockets.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { SO_ERROR, SOL_SOCKET } from "./abi.ts";
import type { AsyncFd } from "./async_fd.ts";
import { Connection, unixPeer } from "./connection.ts";
import { Errno, OsError } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import { openStreamSocket } from "./open_stream_socket.ts";
import {
  encodeAddress,
  formatAddress,
  type SocketAddress,
} from "./socket_address.ts";

/** Options for {@linkcode dial}. */
export interface DialOptions {
  /** Gives the attempt up when it is aborted; its reason is thrown. */
  signal?: AbortSignal;
}

/** How long to wait before trying a full backlog again, in milliseconds. */
const RETRY_DELAY = 10;

/**
 * Connects to a vsock port or a unix socket without blocking.
 *
 * @param address What to connect to.
 * @param options The options.
 * @returns The connection.
 * @throws {OsError} If the connection is refused or cannot be made.
 * @throws If the signal is aborted, its reason.
 */
export async function dial(
  address: SocketAddress,
  options: DialOptions = {},
): Promise<Connection> {
  const { signal } = options;
  signal?.throwIfAborted();
  const fd = openStreamSocket(address);
  const abandon = () => fd.close();
  signal?.addEventListener("abort", abandon, { once: true });
  try {
    await connect(fd, address, signal);
    const peer = address.transport === "vsock" ? address : unixPeer(fd);
    return new Connection(fd, peer);
  } catch (error) {
    fd.close();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abandon);
  }
}

async function connect(
  fd: AsyncFd,
  address: SocketAddress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const encoded = encodeAddress(address);
  const operation = `connect to ${formatAddress(address)}`;
  for (;;) {
    if (libc().connect(fd.number, encoded, encoded.byteLength) >= 0) return;
    const code = errno();
    if (code === Errno.EINPROGRESS) {
      await fd.writable();
      const result = takeSocketError(fd);
      if (result !== 0) throw new OsError(result, operation);
      return;
    }
    // A unix socket whose backlog is full never reports when there is room.
    if (code !== Errno.EAGAIN) throw new OsError(code, operation);
    await delay(RETRY_DELAY, signal ? { signal } : {});
  }
}

function takeSocketError(fd: AsyncFd): number {
  const value = new Int32Array(1);
  const length = Uint32Array.of(value.byteLength);
  const result = libc().getsockopt(
    fd.number,
    SOL_SOCKET,
    SO_ERROR,
    value,
    length,
  );
  return result < 0 ? errno() : value[0]!;
}
