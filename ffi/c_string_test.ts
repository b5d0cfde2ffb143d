import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeCString,
  decodeText,
  encodeCString,
  encodeCStringArray,
  encodeText,
  readCString,
} from "./c_string.ts";
import { addressOf } from "./libc.ts";

Deno.test("encodeCString() ends the string with a NUL", () => {
  assertEquals([...encodeCString("é")], [0xc3, 0xa9, 0]);
});

Deno.test("encodeCString() throws when the string holds a NUL", () => {
  assertThrows(
    () => encodeCString("a\0b"),
    TypeError,
    String.raw`Cannot pass "a\u0000b" to the system: it holds a NUL`,
  );
});

Deno.test("encodeCStringArray() points at its own strings", () => {
  const array = encodeCStringArray(["ls", "", "-l"]);
  const base = addressOf(array.buffer as ArrayBuffer);
  const pointers = [...new BigUint64Array(array.buffer, 0, 4)];
  assertEquals(pointers.pop(), 0n);
  const strings = pointers.map((pointer) =>
    decodeCString(array.subarray(Number(pointer - base)))
  );
  assertEquals(strings, ["ls", "", "-l"]);
});

Deno.test("encodeCStringArray() yields a lone NULL for no strings", () => {
  assertEquals(encodeCStringArray([]), new Uint8Array(8));
});

Deno.test("readCString() reads what an address points to, up to the NUL", () => {
  const bytes = encodeCString("zero é");
  const address = addressOf(bytes.buffer as ArrayBuffer);
  assertEquals(readCString(address), "zero é");
  assertEquals(readCString(address + 5n), "é");
  assertEquals(readCString(0n), "");
  const long = encodeCStringArray(["x".repeat(5000)]).slice(16);
  assertEquals(
    readCString(addressOf(long.buffer as ArrayBuffer)),
    "x".repeat(4095),
  );
});

Deno.test("encodeCString() refuses what is longer than anything of its kind, by its bytes", () => {
  const cases = [
    ["path", 4095],
    ["file name", 255],
    ["user name", 255],
    ["group name", 255],
  ] as const;
  for (const [named, max] of cases) {
    assertEquals(encodeCString("x".repeat(max), named).length, max + 1);
    assertThrows(
      () => encodeCString("x".repeat(max + 1), named),
      RangeError,
      `a ${named} has ${max} bytes at most`,
    );
    // Three bytes each.
    assertThrows(() => encodeCString("∞".repeat(max / 2), named), RangeError);
  }
});

Deno.test("decodeText() and encodeText() keep bytes that aren't UTF-8", () => {
  const cases: (readonly number[])[] = [
    [],
    [0x61, 0xc3, 0xa9],
    [0xef, 0xbb, 0xbf, 0x61],
    [0xff],
    [0x61, 0x80, 0xc3, 0xa9, 0xc3],
    // A surrogate, and a character that is longer than it must be.
    [0xed, 0xb2, 0x80],
    [0xc0, 0xaf],
    [0xf0, 0x9f, 0x98, 0x80, 0xf0, 0x9f, 0x98],
  ];
  for (const bytes of cases) {
    const text = decodeText(Uint8Array.from(bytes));
    assertEquals([...encodeText(text)], bytes);
  }
  assertEquals(decodeText(Uint8Array.of(0x61, 0xff)), "a\udcff");
});
