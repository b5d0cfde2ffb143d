import { assert, assertEquals, assertThrows } from "@std/assert";
import { O_RDONLY } from "./abi.ts";
import { OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { disposablePipe, openFds } from "./_test_utils.ts";

Deno.test("Fd closes exactly once", () => {
  const before = openFds();
  const first = Fd.open("/dev/null", O_RDONLY);
  const { number } = first;
  first.close();
  // Another descriptor takes the number: a second close must not hit it.
  using second = Fd.open("/dev/zero", O_RDONLY);
  assertEquals(second.number, number);
  first.close();
  first[Symbol.dispose]();
  assert(first.closed);
  assertEquals(openFds().length, before.length + 1);
});

Deno.test("Fd throws when it is used after its close", () => {
  const fd = Fd.open("/dev/null", O_RDONLY);
  fd.close();
  assertThrows(() => fd.number, TypeError, "closed");
  assertThrows(() => fd.tryRead(new Uint8Array(1)), TypeError, "closed");
});

Deno.test("Fd.tryRead() returns null when a pipe is empty, and 0 at its end", () => {
  using pipe = disposablePipe("out");
  const bytes = new Uint8Array(8);
  assertEquals(pipe.own.tryRead(bytes), null);
  assertEquals(pipe.child.tryWrite(Uint8Array.of(1, 2)), 2);
  assertEquals(pipe.own.tryRead(bytes), 2);
  assertEquals([...bytes.subarray(0, 2)], [1, 2]);
  pipe.child.close();
  assertEquals(pipe.own.tryRead(bytes), 0);
});

Deno.test("Fd.tryWrite() writes to the view, not to its buffer's start", () => {
  using pipe = disposablePipe("in");
  pipe.own.tryWrite(Uint8Array.of(9, 9, 1, 2).subarray(2));
  const bytes = new Uint8Array(8);
  assertEquals(pipe.child.tryRead(bytes.subarray(4)), 2);
  assertEquals([...bytes], [0, 0, 0, 0, 1, 2, 0, 0]);
});

Deno.test("Fd.tryWrite() returns null when a pipe is full, and throws when nobody reads it", () => {
  using pipe = disposablePipe("in");
  const chunk = new Uint8Array(1 << 20);
  while (pipe.own.tryWrite(chunk) !== null);
  pipe.child.close();
  const error = assertThrows(() => pipe.own.tryWrite(chunk), OsError);
  assertEquals(error.code, "EPIPE");
});
