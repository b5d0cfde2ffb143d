import { assert, assertEquals } from "@std/assert";
import { activityBetween, readActivity, readMemory } from "./process_status.ts";
import { processStat } from "../tests/_proc.ts";

Deno.test("readMemory() reads what a process has", () => {
  const { rss, anonymous, peak } = readMemory(Deno.pid);
  assert(anonymous > 1e6 && anonymous < rss && rss <= peak);
});

Deno.test("processStat() counts more time while a process works", () => {
  const before = processStat(Deno.pid)!.time;
  const deadline = performance.now() + 2000;
  let now = before;
  while (now === before && performance.now() < deadline) {
    now = processStat(Deno.pid)!.time;
  }
  assert(now > before);
});

Deno.test("activityBetween() counts what threads did, new ones included", () => {
  const before = new Map([
    ["1", { sleeps: 10, time: 5 }],
    ["2", { sleeps: 100, time: 50 }],
  ]);
  const after = new Map([
    ["1", { sleeps: 12, time: 6 }],
    ["3", { sleeps: 3, time: 1 }],
  ]);
  assertEquals(activityBetween(before, after), { sleeps: 5, time: 2 });
});

Deno.test("readActivity() sees a thread go to sleep", async () => {
  const before = readActivity(Deno.pid);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert(activityBetween(before, readActivity(Deno.pid)).sleeps > 0);
});
