import { assertEquals, assertThrows } from "@std/assert";
import { parseElfHeader } from "./elf.ts";

function elfHeader(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(0x12, 183, true);
  view.setBigUint64(0x20, 64n, true);
  view.setBigUint64(0x28, 0x1_0000_0000n, true);
  view.setUint16(0x38, 13, true);
  view.setUint16(0x3a, 64, true);
  view.setUint16(0x3c, 30, true);
  return bytes;
}

Deno.test("parseElfHeader() returns the machine, the segments and the end of the file", () => {
  assertEquals(parseElfHeader(elfHeader()), {
    machine: 183,
    segmentOffset: 64n,
    segmentCount: 13,
    end: 0x1_0000_0000 + 64 * 30,
  });
});

Deno.test("parseElfHeader() reads a part of a larger buffer", () => {
  const bytes = new Uint8Array(100);
  bytes.set(elfHeader(), 7);
  assertEquals(parseElfHeader(bytes.subarray(7)).machine, 183);
});

Deno.test("parseElfHeader() throws when the header isn't whole, or another's", () => {
  const bytes = elfHeader();
  assertThrows(() => parseElfHeader(bytes.subarray(0, 63)), SyntaxError);
  const narrow = elfHeader();
  narrow[4] = 1;
  assertThrows(() => parseElfHeader(narrow), SyntaxError, "isn't 64-bit");
  const bigEndian = elfHeader();
  bigEndian[5] = 2;
  assertThrows(() => parseElfHeader(bigEndian), SyntaxError, "little-endian");
});
