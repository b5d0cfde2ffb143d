/**
 * The service manager's notification socket, see sd_notify(3).
 *
 * @module
 */

import { AF_UNIX, MSG_NOSIGNAL, SOCK_CLOEXEC, SOCK_DGRAM } from "./abi.ts";
import { OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { errno, libc } from "./libc.ts";
import { encodeAddress } from "./socket_address.ts";

/**
 * Tells the service manager something about this service.
 *
 * @param path The value of `NOTIFY_SOCKET`: a path, or an abstract name that
 * starts with `@`.
 * @param state Assignments such as `READY: "1"`, `STATUS: "3 sessions"`,
 * `STOPPING: "1"` and `WATCHDOG: "1"`.
 * @throws {OsError} If the socket cannot be reached.
 */
export function notify(
  path: string,
  state: Readonly<Record<string, string>>,
): void {
  const address = encodeAddress({ transport: "unix", path });
  const message = new TextEncoder().encode(
    Object.entries(state).map(([name, value]) => `${name}=${value}\n`).join(""),
  );
  const number = libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (number < 0) throw new OsError(errno(), "open a socket");
  using socket = new Fd(number);
  const result = libc().sendto(
    socket.number,
    message,
    BigInt(message.byteLength),
    MSG_NOSIGNAL,
    address,
    address.byteLength,
  );
  if (result < 0) {
    throw new OsError(errno(), `notify the service manager at "${path}"`);
  }
}
