import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { reportMemory } from "./memory.ts";
import { failedChecks, formatSoak } from "./soak_report.ts";
import type { SoakResult } from "./soak_run.ts";

const RESULT: SoakResult = {
  version: "1.2.3",
  agent: "the compiled binary",
  seed: 5,
  time: 60_000,
  sessions: { true: 600, info: 60 },
  sent: 1024,
  received: 2048,
  wrongChecksums: 0,
  unexpected: 0,
  failures: [],
  leaks: { descriptors: 0, children: 0, zombies: 0, clientDescriptors: 0 },
  warnings: [],
  canary: { count: 100, p50: 2, p99: 10, max: 20 },
  memory: reportMemory(Array(120).fill(1e8), 500),
};

Deno.test("formatSoak() ends with how much was checked, as deno test does", () => {
  const text = formatSoak(RESULT);
  assertStringIncludes(text, "660, 11.0/s");
  assertMatch(text, /\nok \| 7 passed \| 0 failed \(60s\)$/);
});

Deno.test("formatSoak() says what is wrong", () => {
  const wrong: Partial<SoakResult>[] = [
    { unexpected: 1, failures: ["signal, session 3: it didn't come"] },
    { wrongChecksums: 1 },
    { leaks: { ...RESULT.leaks, zombies: 1 } },
    { leaks: { ...RESULT.leaks, clientDescriptors: 2 } },
    { canary: { count: 0, p50: NaN, p99: NaN, max: NaN } },
    { memory: { ...RESULT.memory, grows: true } },
    { warnings: ["Unexpected failure"] },
    { end: "it didn't" },
  ];
  for (const part of wrong) {
    const result = { ...RESULT, ...part };
    assertEquals(failedChecks(result).length, 1);
    assertMatch(
      formatSoak(result),
      /\nFAILED \| 6 passed \| 1 failed \(60s\)$/,
    );
  }
  assertStringIncludes(
    formatSoak({ ...RESULT, ...wrong[0] }),
    "  signal, session 3: it didn't come\n",
  );
});
