import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { HeavyWork } from "./heavy_work.ts";

function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Waits until nothing is left of a test: a rest takes 250 ms at most. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 300));
}

Deno.test("HeavyWork.enter() lets one piece in a turn, those that have begun first", async () => {
  const heavyWork = new HeavyWork();
  const order: string[] = [];
  const enter = async (name: string, begun?: boolean) => {
    await heavyWork.enter(begun);
    order.push(name);
  };
  const all = [
    ...[enter("first"), enter("second"), enter("third")],
    ...[enter("begun", true), enter("begun too", true)],
  ];
  await Promise.resolve();
  assertEquals(order, ["first"]);
  await Promise.all(all);
  assertEquals(order, ["first", "begun", "begun too", "second", "third"]);
  await settle();
  assertEquals(heavyWork.enter(), undefined);
  await settle();
});

Deno.test("HeavyWork.enter() leaves others as much time as a long piece took", async () => {
  const heavyWork = new HeavyWork();
  assertEquals(heavyWork.enter(), undefined);
  const start = performance.now();
  work(50);
  await heavyWork.enter();
  assertGreaterOrEqual(performance.now() - start, 95);
  await settle();
});
