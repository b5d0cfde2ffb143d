import { assertEquals, assertThrows } from "@std/assert";
import { VMADDR_CID_ANY } from "./abi.ts";
import {
  decodeVsockAddress,
  encodeAddress,
  formatAddress,
  type SocketAddress,
} from "./socket_address.ts";

Deno.test("encodeAddress() lays a vsock address out in 16 bytes", () => {
  const address: SocketAddress = { transport: "vsock", cid: 3, port: 1024 };
  const bytes = encodeAddress(address);
  assertEquals(
    [...bytes],
    [40, 0, 0, 0, 0, 4, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0],
  );
  assertEquals(decodeVsockAddress(bytes), address);
});

Deno.test("encodeAddress() ends a path with a NUL, and starts an abstract name with one", () => {
  const encode = (path: string) => [
    ...encodeAddress({ transport: "unix", path }),
  ];
  assertEquals(encode("/a"), [1, 0, 0x2f, 0x61, 0]);
  assertEquals(encode("@a"), [1, 0, 0, 0x61]);
});

Deno.test("encodeAddress() throws when a path doesn't fit", () => {
  const encode = (path: string) => encodeAddress({ transport: "unix", path });
  assertEquals(encode("a".repeat(107)).length, 110);
  assertThrows(() => encode("a".repeat(108)), RangeError, "1 to 107 bytes");
  assertThrows(() => encode(""), RangeError, "1 to 107 bytes");
  assertThrows(() => encode("a\0b"), TypeError, "it holds a NUL");
});

Deno.test("formatAddress() names addresses as messages do", () => {
  const vsock = (cid: number) =>
    formatAddress({ transport: "vsock", cid, port: 1024 });
  assertEquals(vsock(VMADDR_CID_ANY), "vsock port 1024");
  assertEquals(vsock(3), "vsock 3:1024");
  assertEquals(
    formatAddress({ transport: "unix", path: "/run/a" }),
    `unix socket "/run/a"`,
  );
});
