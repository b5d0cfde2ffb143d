/**
 * The quickest way there is to run something through an agent: calls that block
 * this process, one after the other. Waiting for events instead takes some 0.05 ms
 * more for each round trip.
 *
 * @module
 */

import { SOCK_CLOEXEC, SOCK_STREAM } from "../ffi/abi.ts";
import { OsError } from "../ffi/errno.ts";
import { Fd } from "../ffi/fd.ts";
import { errno, libc } from "../ffi/libc.ts";
import { isReadable } from "../ffi/poll.ts";
import { addressFamily, encodeAddress } from "../ffi/socket_address.ts";
import { type Listener, RUN_TRUE, TrueAnswer } from "./load_generator.ts";

/** How long an answer may take, in milliseconds. */
const PATIENCE = 10_000;

const chunk = new Uint8Array(16 * 1024);

/**
 * Runs `true` on a connection of its own, up to the frame that says how it
 * ended. This blocks the process.
 *
 * @param listener The agent.
 * @returns How long that took, in milliseconds.
 * @throws {Error} If the agent says anything else, or nothing.
 */
export function runTrueBlocking({ socket }: Listener): number {
  const start = performance.now();
  using connection = connect(socket);
  connection.tryWrite(RUN_TRUE);
  const answer = new TrueAnswer();
  while (!answer.complete) {
    if (!isReadable(connection.number, PATIENCE)) {
      throw new Error(`The agent says nothing for ${PATIENCE} ms`);
    }
    answer.add(chunk.subarray(0, connection.tryRead(chunk) ?? 0));
  }
  return performance.now() - start;
}

function connect(path: string): Fd {
  const address = { transport: "unix", path } as const;
  const bytes = encodeAddress(address);
  const c = libc();
  const number = c.socket(
    addressFamily(address),
    SOCK_STREAM | SOCK_CLOEXEC,
    0,
  );
  if (number < 0) throw new OsError(errno(), "open a socket");
  const fd = new Fd(number);
  if (c.connect(number, bytes, bytes.length) < 0) {
    const code = errno();
    fd.close();
    throw new OsError(code, `connect to "${path}"`);
  }
  return fd;
}
