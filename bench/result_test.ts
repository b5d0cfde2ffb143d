import { assertEquals } from "@std/assert";
import { atLeast, atMost, references, times } from "./result.ts";

Deno.test("targets tell whether they are reached", () => {
  assertEquals(atMost(40, 40, "40 ms"), [{ goal: "≤ 40 ms", reached: true }]);
  assertEquals(atMost(41, 40, "40 ms"), [{ goal: "≤ 40 ms", reached: false }]);
  assertEquals(atLeast(600, 600, "600"), [{ goal: "≥ 600", reached: true }]);
  assertEquals(atLeast(599, 600, "600"), [{ goal: "≥ 600", reached: false }]);
});

Deno.test("there is no target without the figures for it", () => {
  assertEquals(atMost(undefined, 1, ""), []);
  assertEquals(atMost(1, undefined, ""), []);
  assertEquals(atLeast(1, times(3, undefined), ""), []);
  assertEquals(times(3, 2), 6);
});

Deno.test("references() leaves out what wasn't measured", () => {
  assertEquals(references(["peer", undefined], ["pipe", 0]), [
    { what: "pipe", value: 0 },
  ]);
});
