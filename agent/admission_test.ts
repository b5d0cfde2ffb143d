import { assertEquals } from "@std/assert";
import { Admission } from "./admission.ts";

/** Takes as many places for a caller as there are, and returns how many. */
function takeAll(admission: Admission, caller: number): number {
  let taken = 0;
  while (admission.enter(caller)) taken++;
  return taken;
}

Deno.test("Admission gives all places to the only caller there can be", () => {
  for (const places of [1, 2, 1000]) {
    const admission = new Admission(places, new Set([2]));
    assertEquals(takeAll(admission, 2), places);
    admission.leave(2);
    assertEquals(takeAll(admission, 2), 1);
  }
});

for (
  const [places, callers, first, second] of [
    [1000, 2, 750, 250],
    [1000, 3, 750, 125],
    [100, 2, 75, 25],
    [4, 2, 3, 1],
    [4, 4, 1, 1],
    [3, 2, 2, 1],
    [2, 2, 1, 1],
    [10, 5, 6, 1],
    // There cannot be one for each.
    [1, 2, 1, 0],
    [2, 3, 2, 0],
  ] as const
) {
  Deno.test(`Admission gives one of ${callers} callers ${first} of ${places} places, and another one ${second} then`, () => {
    const admission = new Admission(
      places,
      new Set(Array.from({ length: callers }, (_, index) => index)),
    );
    assertEquals(takeAll(admission, 0), first);
    for (let caller = 1; caller < callers; caller++) {
      assertEquals(takeAll(admission, caller), second);
    }
    assertEquals(admission.enter(0), false);
  });
}

Deno.test("Admission keeps a caller's places, in whatever order others come and go", () => {
  const admission = new Admission(8, new Set([1, 2]));
  assertEquals(takeAll(admission, 1), 6);
  assertEquals(takeAll(admission, 2), 2);
  for (let i = 0; i < 6; i++) admission.leave(1);
  assertEquals(takeAll(admission, 2), 4);
  assertEquals(takeAll(admission, 1), 2);
  for (let i = 0; i < 6; i++) admission.leave(2);
  assertEquals(takeAll(admission, 1), 4);
  assertEquals(takeAll(admission, 2), 2);
});
