/**
 * Socket addresses, in the terms of their users and of the kernel.
 *
 * @module
 */

import {
  AF_UNIX,
  AF_VSOCK,
  SOCKADDR_UN,
  SOCKADDR_VM,
  VMADDR_CID_ANY,
} from "./abi.ts";

/** An address of virtio-vsock, see vsock(7). */
export interface VsockAddress {
  /** Discriminates the union. */
  readonly transport: "vsock";
  /** The context identifier of the machine; {@linkcode VMADDR_CID_ANY} to listen. */
  readonly cid: number;
  /** The port, 0 to 2³²−1. */
  readonly port: number;
}

/** An address of a unix socket, see unix(7). */
export interface UnixAddress {
  /** Discriminates the union. */
  readonly transport: "unix";
  /** The path of the socket; a leading `@` makes it an abstract name. */
  readonly path: string;
}

/** An address of a socket that this project can listen on or dial. */
export type SocketAddress = VsockAddress | UnixAddress;

/**
 * Describes an address as messages name it.
 *
 * @param address The address.
 * @returns Such as `vsock port 1024`, `vsock 3:1024` or `unix socket "/run/a"`.
 */
export function formatAddress(address: SocketAddress): string {
  if (address.transport === "unix") return `unix socket "${address.path}"`;
  return address.cid === VMADDR_CID_ANY
    ? `vsock port ${address.port}`
    : `vsock ${address.cid}:${address.port}`;
}

/**
 * Returns the socket family of an address, see socket(2).
 *
 * @param address The address.
 * @returns `AF_VSOCK` or `AF_UNIX`.
 */
export function addressFamily(address: SocketAddress): number {
  return address.transport === "vsock" ? AF_VSOCK : AF_UNIX;
}

/**
 * Encodes an address as the kernel takes it: `struct sockaddr_vm` or as much of
 * `struct sockaddr_un` as the path needs.
 *
 * @param address The address.
 * @returns The structure.
 * @throws {RangeError} If a number is none of 32 bits, or the path is empty or
 * longer than 107 bytes.
 * @throws {TypeError} If the path holds a NUL.
 */
export function encodeAddress(address: SocketAddress): Uint8Array {
  if (address.transport === "vsock") {
    for (const number of [address.cid, address.port]) {
      if (number >>> 0 !== number) {
        throw new RangeError(
          `Cannot use ${number} in a vsock address: it must be an integer from 0 to 4294967295`,
        );
      }
    }
    const bytes = new Uint8Array(SOCKADDR_VM.size);
    const view = new DataView(bytes.buffer);
    view.setUint16(SOCKADDR_VM.family, AF_VSOCK, true);
    view.setUint32(SOCKADDR_VM.port, address.port, true);
    view.setUint32(SOCKADDR_VM.cid, address.cid, true);
    return bytes;
  }
  return encodeUnixAddress(address.path);
}

function encodeUnixAddress(path: string): Uint8Array {
  if (path.includes("\0")) {
    throw new TypeError(
      `Cannot use ${JSON.stringify(path)} as a socket path: it holds a NUL`,
    );
  }
  const name = new TextEncoder().encode(path);
  const longest = SOCKADDR_UN.size - SOCKADDR_UN.path - 1;
  if (name.length === 0 || name.length > longest) {
    throw new RangeError(
      `Cannot use "${path}" as a socket path: it must have 1 to ${longest} bytes, and has ${name.length}`,
    );
  }
  const abstract = path.startsWith("@");
  // A path ends with a NUL; an abstract name starts with one and ends with the
  // structure's length.
  const size = SOCKADDR_UN.path + name.length + (abstract ? 0 : 1);
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint16(SOCKADDR_UN.family, AF_UNIX, true);
  bytes.set(name, SOCKADDR_UN.path);
  if (abstract) bytes[SOCKADDR_UN.path] = 0;
  return bytes;
}

/**
 * Decodes what accept4(2) said about the other end of a vsock connection.
 *
 * @param bytes A `struct sockaddr_vm`.
 * @returns The peer's address.
 */
export function decodeVsockAddress(bytes: Uint8Array): VsockAddress {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    transport: "vsock",
    cid: view.getUint32(SOCKADDR_VM.cid, true),
    port: view.getUint32(SOCKADDR_VM.port, true),
  };
}
