/**
 * A connected stream socket.
 *
 * @module
 */

import {
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SO_PEERCRED,
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

const NO_BYTES = new Uint8Array(0);

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
    this.readable = readableFromFd(fd, { preventClose: true });
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
