import { assertEquals } from "@std/assert";
import { Backlog } from "./backlog.ts";

const KIB = 1024;

function numbers(from: number, to: number): Uint8Array {
  return Uint8Array.from({ length: to - from }, (_, i) => (from + i) % 251);
}

Deno.test("Backlog.take() returns what was pushed, in order and in one piece", () => {
  const backlog = new Backlog(512 * KIB);
  assertEquals(backlog.take(), undefined);
  for (let i = 0; i < 5000; i++) backlog.push(numbers(i, i + 1));
  assertEquals(backlog.take(), numbers(0, 5000));
  assertEquals(backlog.take(), undefined);
  backlog.push(numbers(7, 9));
  assertEquals(backlog.take(), numbers(7, 9));
});

Deno.test("Backlog.take() returns 128 KiB at most", () => {
  const backlog = new Backlog(512 * KIB);
  backlog.push(numbers(0, 200 * KIB));
  backlog.push(numbers(200 * KIB, 300 * KIB));
  assertEquals(backlog.take(), numbers(0, 128 * KIB));
  assertEquals(backlog.take(), numbers(128 * KIB, 256 * KIB));
  assertEquals(backlog.take(), numbers(256 * KIB, 300 * KIB));
  assertEquals(backlog.take(), undefined);
});

Deno.test("Backlog.push() leaves what was taken as it is", () => {
  const backlog = new Backlog(512 * KIB);
  backlog.push(numbers(0, 130 * KIB));
  const first = backlog.take();
  for (let at = 130; at < 1000; at++) {
    backlog.push(numbers(at * KIB, (at + 1) * KIB));
  }
  assertEquals(first, numbers(0, 128 * KIB));
  let at = 128 * KIB;
  for (let piece; (piece = backlog.take());) {
    assertEquals(piece, numbers(at, at += piece.length));
  }
  assertEquals(at, 1000 * KIB);
});
