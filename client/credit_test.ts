import { assertEquals, assertRejects } from "@std/assert";
import { Credit } from "./credit.ts";

const NEVER = new AbortController().signal;

Deno.test("Credit.take() takes as much as there is", async () => {
  const credit = new Credit(5);
  assertEquals(await credit.take(3, NEVER), 3);
  assertEquals(await credit.take(3, NEVER), 2);
});

Deno.test("Credit.take() waits for more when there is none", async () => {
  const credit = new Credit(0);
  const taken = credit.take(3, NEVER);
  credit.add(0);
  credit.add(7);
  assertEquals(await taken, 3);
  assertEquals(await credit.take(9, NEVER), 4);
});

Deno.test("Credit.take() rejects when the signal is aborted", async () => {
  const over = new AbortController();
  const taken = new Credit(0).take(3, over.signal);
  over.abort(new Error("over"));
  await assertRejects(() => taken, Error, "over");
});

Deno.test("Credit.take() knows no end when nobody counts", async () => {
  const credit = new Credit(Infinity);
  assertEquals(await credit.take(2 ** 40, NEVER), 2 ** 40);
  assertEquals(await credit.take(1, NEVER), 1);
});
