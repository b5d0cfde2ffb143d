/**
 * Asking a descriptor on the spot.
 *
 * @module
 */

import { POLLFD, POLLIN, POLLOUT } from "./abi.ts";
import { libc } from "./libc.ts";

const request = new Int16Array(POLLFD.size / 2);
const view = new DataView(request.buffer);

/**
 * Tells whether a read would not block, see poll(2). An error or a hang-up counts
 * too: the read then says so.
 *
 * @param fd The number of a descriptor.
 * @param patience How long to wait for that, in milliseconds, while nothing else
 * goes on in this process.
 * @returns Whether it would not.
 */
export function isReadable(fd: number, patience = 0): boolean {
  return isReady(fd, POLLIN, patience);
}

/**
 * Tells whether a write would not block, see poll(2). An error or a hang-up
 * counts too: the write then says so.
 *
 * @param fd The number of a descriptor.
 * @param patience How long to wait for that, in milliseconds, while nothing else
 * goes on in this process.
 * @returns Whether it would not, if it is one of at most 4096 bytes, see pipe(7).
 */
export function isWritable(fd: number, patience = 0): boolean {
  return isReady(fd, POLLOUT, patience);
}

function isReady(fd: number, events: number, timeout: number): boolean {
  view.setInt32(POLLFD.fd, fd, true);
  request[POLLFD.events / 2] = events;
  return libc().poll(request, 1n, timeout) > 0;
}
