import { assertEquals, assertThrows } from "@std/assert";
import { O_RDONLY } from "./abi.ts";
import { Errno, errnoName, errnoText, OsError } from "./errno.ts";
import { Fd } from "./fd.ts";

Deno.test("errnoName() and errnoText() agree with Errno's names", () => {
  for (const [name, number] of Object.entries(Errno)) {
    assertEquals(errnoName(number), name);
  }
  assertEquals(errnoText(Errno.EADDRINUSE), "Address already in use");
});

Deno.test("errnoName() makes a name up when there is none", () => {
  assertEquals(errnoName(4095), "errno 4095");
});

Deno.test("OsError says what was attempted and why it failed", () => {
  const error = assertThrows(
    () => Fd.open("/proc/self/missing", O_RDONLY),
    OsError,
    `Cannot open "/proc/self/missing": No such file or directory (ENOENT)`,
  );
  assertEquals(error.code, "ENOENT");
  assertEquals(error.errno, Errno.ENOENT);
  assertEquals(error.operation, `open "/proc/self/missing"`);
});

Deno.test("errno() survives many failing calls while memory is allocated", () => {
  const wrong = new Set<string>();
  for (let i = 0; i < 20_000; i++) {
    try {
      Fd.open(`/dev/null/${i}`, O_RDONLY);
    } catch (error) {
      if ((error as OsError).code !== "ENOTDIR") wrong.add(String(error));
    }
  }
  assertEquals([...wrong], []);
});
