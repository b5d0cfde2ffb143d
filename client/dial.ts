/**
 * Connecting to an agent.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import type { Connection } from "../ffi/connection.ts";
import { dial as dialSocket } from "../ffi/dial.ts";
import { Errno, OsError } from "../ffi/errno.ts";
import { fileKind } from "../ffi/socket_file.ts";
import type { SocketAddress } from "../ffi/socket_address.ts";
import { printableJson } from "../protocol/printable_text.ts";
import { unreachable, UnreachableError } from "./errors.ts";
import { DEFAULT_PORT, type HybridTarget, type Target } from "./target.ts";

/** What writing to a connection fails with that the peer has closed. */
const CLOSED: ReadonlySet<string> = new Set(["EPIPE", "ECONNRESET"]);

/** `OK 4294967295\n` has 14 bytes; some leave more. */
const MAX_REPLY_BYTES = 64;

/**
 * Connects to the port of an agent.
 *
 * @param target Where the agent is.
 * @param signal Gives up when it is aborted.
 * @returns The connection. On a hybrid socket it only means that the machine is
 * there: its first bytes tell whether an agent is.
 * @throws {ConnectionError} If there is no connection to be had.
 * @throws If the signal is aborted, its reason.
 */
export async function dial(
  target: Target,
  signal: AbortSignal,
): Promise<Connection> {
  const connection = await connect(target, signal);
  if (!("uds" in target)) return connection;
  try {
    await handshake(connection, target, signal);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function connect(
  target: Target,
  signal: AbortSignal,
): Promise<Connection> {
  try {
    return await dialSocket(socketAddress(target), { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof OsError)) throw error;
    throw new UnreachableError(target, connectFault(target, error), error);
  }
}

/** The kernel refuses alike whatever file it is that nobody listens on. */
function connectFault(target: Target, error: OsError): string {
  const kind = "cid" in target || error.errno !== Errno.ECONNREFUSED
    ? undefined
    : fileKind("uds" in target ? target.uds : target.unix);
  switch (kind) {
    case "folder":
    case "plain file":
      return `it is a ${kind}, and no socket`;
    case "other":
      return "it is no socket";
    case "socket":
      return `nobody listens on this socket any more: ${error.reason}`;
    case undefined:
      return `Cannot connect to it: ${error.reason}`;
  }
}

function socketAddress(target: Target): SocketAddress {
  if ("cid" in target) {
    const { cid, port = DEFAULT_PORT } = target;
    return { transport: "vsock", cid, port };
  }
  const path = "uds" in target ? target.uds : target.unix;
  return { transport: "unix", path };
}

/** Asks a hybrid socket for a port, and reads its answer to the byte. */
async function handshake(
  connection: Connection,
  target: HybridTarget,
  signal: AbortSignal,
): Promise<void> {
  const request = `CONNECT ${target.port ?? DEFAULT_PORT}\n`;
  const writer = connection.writable.getWriter();
  const reader = connection.readable.getReader({ mode: "byob" });
  try {
    await writer.write(new TextEncoder().encode(request));
    const reply: string = await abortable(readLine(reader), signal);
    if (!/^OK \d+$/.test(reply)) throw new Error(replyFault(reply));
  } catch (error) {
    signal.throwIfAborted();
    // A close at once shows when it is written to.
    const closed = error instanceof OsError && CLOSED.has(error.code);
    throw closed
      ? new UnreachableError(target, replyFault(""), error)
      : unreachable(target, error);
  } finally {
    writer.releaseLock();
    // A read that is still waiting would end with the connection.
    if (!signal.aborted) reader.releaseLock();
  }
}

/** Says what is wrong with an answer; an empty one is a close. */
function replyFault(reply: string): string {
  if (reply === "") return "nobody listens there, or the machine isn't up yet";
  const fault = `it answered ${
    printableJson(reply.trimEnd())
  } instead of "OK …"`;
  return reply.startsWith('{"type":"error"')
    ? `${fault}: an agent listens on this socket itself; use --unix`
    : `${fault}: this is no hypervisor's vsock socket, and no cocoon-agent is behind it`;
}

/**
 * Reads a line byte by byte, because what follows it is the agent's. An `OK` that
 * the end of the connection cuts off yields none.
 */
async function readLine(reader: ReadableStreamBYOBReader): Promise<string> {
  let line = "";
  while (line.length < MAX_REPLY_BYTES) {
    const { value } = await reader.read(new Uint8Array(1));
    const byte = value?.[0];
    if (byte === undefined) return line.startsWith("OK") ? "" : line;
    if (byte === 0x0a) break;
    line += String.fromCharCode(byte);
  }
  return line;
}
