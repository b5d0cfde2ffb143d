import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { mixSeed, Random } from "./random.ts";

Deno.test("mixSeed() tells all indices of a seed apart", () => {
  const seeds = Array.from({ length: 10_000 }, (_, index) => mixSeed(7, index));
  assertEquals(new Set(seeds).size, seeds.length);
  assert(seeds.every((seed) => seed >= 0 && seed < 2 ** 32));
});

Deno.test("Random() draws the same numbers from the same seed", () => {
  const draw = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 20 }, () => random.integer(0, 1_000_000));
  };
  assertEquals(draw(3), draw(3));
  assertNotEquals(draw(3), draw(4));
});

Deno.test("Random() keeps to its bounds, and reaches them", () => {
  const random = new Random(1);
  const dice = Array.from({ length: 1000 }, () => random.integer(1, 6));
  assertEquals([...new Set(dice)].sort(), [1, 2, 3, 4, 5, 6]);
  const sizes = Array.from({ length: 1000 }, () => random.size(1000));
  assert(sizes.every((size) => size >= 1 && size <= 1000));
  assert(sizes.some((size) => size < 10) && sizes.some((size) => size > 500));
});
