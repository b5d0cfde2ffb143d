import { assertEquals, assertThrows } from "@std/assert";
import type { ExecFrame } from "../../protocol/mod.ts";
import { SessionError } from "../session_error.ts";
import { limitsFor } from "./resource_limits.ts";

const PLAIN: ExecFrame = { type: "exec", argv: ["true"], env: {} };

Deno.test("limitsFor() returns what is asked for, and else what the agent gives", () => {
  assertEquals(limitsFor(PLAIN, {}), {});
  assertEquals(limitsFor(PLAIN, { memory: 5, pids: 6, cpu: 7 }), {
    memory: 5,
    pids: 6,
    cpu: 7,
  });
  const request = { ...PLAIN, memoryBytes: 1, pids: 2, cpus: 0.5 };
  assertEquals(limitsFor(request, {}), { memory: 1, pids: 2, cpu: 0.5 });
  assertEquals(limitsFor(request, { memory: 1, pids: 3, cpu: 1 }), {
    memory: 1,
    pids: 2,
    cpu: 0.5,
  });
});

Deno.test("limitsFor() gives nobody more by asking for zero", () => {
  const request = { ...PLAIN, memoryBytes: 0, pids: 0, cpus: 0 };
  assertEquals(limitsFor(request, { memory: 5, pids: 6, cpu: 7 }), {
    memory: 5,
    pids: 6,
    cpu: 7,
  });
});

Deno.test("limitsFor() denies what is beyond what the agent gives", () => {
  for (
    const [request, most, flag] of [
      [{ memoryBytes: 6 }, { memory: 5 }, "serve --memory"],
      [{ pids: 7 }, { pids: 6 }, "serve --pids"],
      [{ cpus: 1.5 }, { cpu: 1 }, "serve --cpu"],
    ] as const
  ) {
    const error = assertThrows(
      () => limitsFor({ ...PLAIN, ...request }, most),
      SessionError,
      flag,
    );
    assertEquals(error.code, "denied");
  }
});
