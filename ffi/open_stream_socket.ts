/**
 * Opening stream sockets.
 *
 * @module
 */

import { SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "./abi.ts";
import { AsyncFd } from "./async_fd.ts";
import { OsError } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import {
  addressFamily,
  formatAddress,
  type SocketAddress,
} from "./socket_address.ts";

/**
 * Opens a non-blocking stream socket, see socket(2).
 *
 * @param address What it will be bound or connected to.
 * @returns The socket.
 * @throws {OsError} If there is none to be had, with `EAFNOSUPPORT` where the
 * kernel has no vsock.
 */
export function openStreamSocket(address: SocketAddress): AsyncFd {
  const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const result = libc().socket(addressFamily(address), type, 0);
  if (result < 0) {
    throw new OsError(errno(), `open a socket for ${formatAddress(address)}`);
  }
  return new AsyncFd(result);
}
