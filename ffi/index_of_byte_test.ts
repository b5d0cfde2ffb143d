import { assertEquals } from "@std/assert";
import { indexOfByte } from "./index_of_byte.ts";

Deno.test("indexOfByte() agrees with indexOf() wherever the byte is", () => {
  for (const length of [0, 1, 1023, 1024, 5000, 100_000]) {
    // A view, so that its offset counts.
    const bytes = new Uint8Array(length + 7).fill(65).subarray(7);
    assertEquals(indexOfByte(bytes, 10), -1);
    for (const at of [0, 1, length >> 1, length - 1]) {
      if (at < 0 || at >= length) continue;
      bytes.fill(65);
      // Of several the first is meant.
      bytes[at] = bytes[length - 1] = 10;
      for (const start of [0, at, at + 1, length]) {
        assertEquals(indexOfByte(bytes, 10, start), bytes.indexOf(10, start));
      }
    }
  }
});

Deno.test("indexOfByte() doesn't see what lies behind a view", () => {
  const bytes = new Uint8Array(10_000);
  bytes[5000] = 10;
  assertEquals(indexOfByte(bytes.subarray(0, 5000), 10), -1);
  assertEquals(indexOfByte(bytes.subarray(0, 5001), 10), 5000);
});
