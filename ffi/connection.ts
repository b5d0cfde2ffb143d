/**
 * A connected stream socket.
 *
 * @module
 */

import {
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SHUT_RDWR,
  SO_PEERCRED,
  SO_SNDBUF,
  SOL_SOCKET,
  UCRED,
} from "./abi.ts";
import type { AsyncFd } from "./async_fd.ts";
import { Errno, OsError } from "./errno.ts";
import { readableFromFd, writableFromFd } from "./fd_streams.ts";
import { errno, libc } from "./libc.ts";
import type { VsockAddress } from "./socket_address.ts";

/** The process at the other end of a unix socket, see `SO_PEERCRED` in unix(7). */
export interface UnixPeer {
  /** Discriminates the union. */
  readonly transport: "unix";
  /** Its process id. */
  readonly pid: number;
  /** Its effective user id. */
  readonly uid: number;
  /** Its effective group id. */
  readonly gid: number;
}

/** Who is at the other end of a connection. */
export type Peer = VsockAddress | UnixPeer;

/**
 * How much a unix socket may hold that the peer hasn't taken, in bytes; the kernel
 * cuts it to net.core.wmem_max and doubles it. With the default, half of that, the
 * throughput is a sixth less. On vsock it changes nothing.
 */
const SEND_BUFFER = Int32Array.of(256 * 1024);
const NO_BYTES = new Uint8Array(0);
/** Where bytes go that nobody wants. */
const discarded = new Uint8Array(64 * 1024);

/** A connected vsock or unix socket as a pair of streams. */
export class Connection implements Disposable {
  /** What the peer sends, until it closes or half-closes. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What goes to the peer. Closing the stream leaves the socket open. */
  readonly writable: WritableStream<Uint8Array>;
  /** The other end. */
  readonly peer: Peer;
  readonly #fd: AsyncFd;
  readonly #lost = new AbortController();

  /**
   * @param fd The connected socket, which the connection closes.
   * @param peer The other end.
   */
  constructor(fd: AsyncFd, peer: Peer) {
    this.#fd = fd;
    this.peer = peer;
    libc().setsockopt(fd.number, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER, 4);
    this.readable = readableFromFd(fd, {
      preventClose: true,
      resetIsEnd: true,
    });
    this.writable = writableFromFd(fd, { preventClose: true });
  }

  /**
   * Watches for the peer's full close, also while nobody reads or writes.
   *
   * @returns A signal that is aborted when the peer is gone.
   */
  watchLoss(): AbortSignal {
    this.#fd.onHangup(() => this.#probe());
    return this.#lost.signal;
  }

  /** Closes the socket; a second call does nothing. */
  close(): void {
    this.#fd.close();
  }

  /**
   * Closes the socket in the midst of things, so that the peer hears of it at
   * once; a second call does nothing.
   *
   * A unix socket that is closed with bytes unread reports an error to the other
   * end instead of the end, and vhost-device-vsock then tells its guest nothing:
   * a command that was writing stayed in 10 of 10 cases.
   */
  abort(): void {
    if (this.#fd.closed) return;
    libc().shutdown(this.#fd.number, SHUT_RDWR);
    try {
      // No more comes in from here on, so that this ends.
      while (this.#fd.tryRead(discarded));
    } catch {
      // The peer was faster.
    }
    this.close();
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * A half-close and a full close raise the same event on vsock. Sending
   * nothing tells them apart there and on unix sockets: nobody is left to
   * receive it after a full close.
   */
  #probe(): void {
    if (this.#fd.closed) return;
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const result = libc().send(this.#fd.number, NO_BYTES, 0n, flags);
    if (result < 0 && errno() !== Errno.EAGAIN) this.#lost.abort();
  }
}

/**
 * Asks who is at the other end of a unix socket.
 *
 * @param fd The connected socket.
 * @returns The peer as it was when it connected or listened.
 * @throws {OsError} If the socket cannot tell.
 */
export function unixPeer(fd: AsyncFd): UnixPeer {
  const credentials = new Uint8Array(UCRED.size);
  const length = Uint32Array.of(UCRED.size);
  const result = libc().getsockopt(
    fd.number,
    SOL_SOCKET,
    SO_PEERCRED,
    credentials,
    length,
  );
  if (result < 0) {
    throw new OsError(errno(), "ask for the credentials of a peer");
  }
  const view = new DataView(credentials.buffer);
  return {
    transport: "unix",
    pid: view.getInt32(UCRED.pid, true),
    uid: view.getUint32(UCRED.uid, true),
    gid: view.getUint32(UCRED.gid, true),
  };
}
