import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { reportMemory, sparkline } from "./memory.ts";
import { Random } from "./random.ts";

const MIB = 1024 * 1024;
/** Two minutes of two samples a second. */
const COUNT = 240;
const INTERVAL = 500;

/** A heap that fills up and is swept, with some that never comes back. */
function samples(leak: number): number[] {
  const random = new Random(1);
  return Array.from({ length: COUNT }, (_, index) => {
    const warmUp = Math.min(1, index / 30);
    const sawtooth = index % 23 + random.integer(0, 8);
    return (60 + 100 * warmUp + sawtooth + leak * index) * MIB;
  });
}

Deno.test("reportMemory() tells a leak from the ups and downs of a heap", () => {
  const steady = reportMemory(samples(0), INTERVAL);
  assert(!steady.grows);
  assertAlmostEquals(steady.slope, 0, 2 * MIB);
  const leaking = reportMemory(samples(0.5), INTERVAL);
  assert(leaking.grows);
  // Half a MiB a sample.
  assertAlmostEquals(leaking.slope, 60 * MIB, 2 * MIB);
});

Deno.test("reportMemory() returns the extremes, and a short curve", () => {
  const { min, max, curve } = reportMemory(samples(0), INTERVAL);
  assertEquals(curve.length, 40);
  assert(min <= Math.min(...curve) && max >= Math.max(...curve));
  assertEquals(reportMemory([5], INTERVAL).curve, [5]);
});

Deno.test("sparkline() draws from nothing to the most", () => {
  assertEquals(sparkline([0, 50, 100]), "▁▅█");
});
