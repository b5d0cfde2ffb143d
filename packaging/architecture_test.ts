import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../cli/command.ts";
import { ARCHITECTURES, binaryPath, findArchitecture } from "./architecture.ts";

Deno.test("findArchitecture() finds an architecture by its name", () => {
  assertEquals(
    findArchitecture("target", "aarch64-unknown-linux-gnu").debian,
    "arm64",
  );
  assertEquals(
    findArchitecture("debian", "amd64").target,
    "x86_64-unknown-linux-gnu",
  );
});

Deno.test("findArchitecture() finds this machine's by default", () => {
  assertEquals(findArchitecture("debian").deno, Deno.build.arch);
});

Deno.test("findArchitecture() throws when there is no such architecture", () => {
  assertThrows(
    () => findArchitecture("debian", "riscv64"),
    UsageError,
    'Cannot build for "riscv64": it must be amd64 or arm64',
  );
});

Deno.test("binaryPath() names the architecture when it isn't this machine's", () => {
  const paths = ARCHITECTURES.map((architecture) => [
    architecture.deno === Deno.build.arch,
    binaryPath(architecture),
  ]);
  assertEquals(
    new Set(paths.map(([own, path]) => own || path !== "dist/cocoon-agent")),
    new Set([true]),
  );
  assertEquals(new Set(paths.map(([, path]) => path)).size, paths.length);
});
