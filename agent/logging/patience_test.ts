import { assertEquals } from "@std/assert";
import { Patience } from "./patience.ts";

Deno.test("Patience waits for what comes", async () => {
  const patience = new Patience();
  const { promise, resolve } = Promise.withResolvers<void>();
  let over = false;
  const wait = patience.wait(promise).then(() => over = true);
  await Promise.resolve();
  assertEquals(over, false);
  resolve();
  await wait;
});

Deno.test("Patience waits once for what hangs, and again when that is over", async () => {
  const patience = new Patience();
  const hanging = Promise.withResolvers<void>();
  // Without a limit this wait would never end.
  await patience.wait(hanging.promise);
  const other = Promise.withResolvers<void>();
  const isWaiting = async () => {
    const late = new Promise((resolve) => setTimeout(() => resolve(true), 50));
    return await Promise.race([patience.wait(other.promise), late]) === true;
  };
  assertEquals(await isWaiting(), false);
  hanging.resolve();
  await hanging.promise;
  assertEquals(await isWaiting(), true);
  other.resolve();
});
