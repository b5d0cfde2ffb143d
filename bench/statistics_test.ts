import { assertEquals, assertThrows } from "@std/assert";
import { median, percentile, Rounds } from "./statistics.ts";

Deno.test("percentile() returns a value that was measured", () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  assertEquals(percentile(values, 50), 100);
  assertEquals(percentile(values, 99), 198);
  assertEquals(percentile(values, 100), 200);
  assertEquals(percentile(values, 0), 1);
  assertEquals(percentile([7], 99), 7);
});

Deno.test("median() is between the middle two of an even number", () => {
  assertEquals(median([9, 1, 5]), 5);
  assertEquals(median([9, 1, 5, 6]), 5.5);
  // By number, and not by text.
  assertEquals(median([10, 9, 100]), 10);
});

Deno.test("statistics throw when there are no values", () => {
  assertThrows(() => percentile([], 50), RangeError);
  assertThrows(() => median([]), RangeError);
});

Deno.test("Rounds keeps the rounds of each name apart", () => {
  const rounds = new Rounds();
  for (const value of [3, 1, 2]) rounds.add("a", value);
  rounds.add("b", 10);
  assertEquals(rounds.all("a"), [3, 1, 2]);
  assertEquals(rounds.median("a"), 2);
  assertEquals(rounds.median("b"), 10);
  assertEquals(rounds.median("c"), undefined);
});
