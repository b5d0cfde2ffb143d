import { assertEquals, assertRejects } from "@std/assert";
import { OsError } from "./errno.ts";
import { libc } from "./libc.ts";
import { callPatiently } from "./patient_call.ts";

Deno.test("callPatiently() returns what the call does, and repeats nothing", async () => {
  const result = await callPatiently({
    operation: "do it",
    call: () => Promise.resolve(3),
    repeat: () => {
      throw new Error("It was repeated");
    },
  });
  assertEquals(result, 3);
});

Deno.test("callPatiently() repeats what failed at once, for its errno", async () => {
  const failed = () => Promise.resolve(-1);
  const close = () => libc().close(-1);
  await assertRejects(
    () => callPatiently({ operation: "do it", call: failed, repeat: close }),
    OsError,
    "Cannot do it: Bad file descriptor (EBADF)",
  );
  const options = { operation: "do it", call: failed, repeat: () => 5 };
  assertEquals(await callPatiently(options), 5);
});

Deno.test("callPatiently() doesn't repeat what took long to fail", async () => {
  await assertRejects(
    () =>
      callPatiently({
        operation: "do it",
        call: () =>
          new Promise((resolve) => setTimeout(() => resolve(-1), 200)),
        repeat: () => 5,
      }),
    Error,
    "Cannot do it: the disk took long, and failed",
  );
});
