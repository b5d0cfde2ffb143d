import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import { kernelRandom } from "./entropy.ts";
import { bootId, effectiveUserId, uptime } from "./system.ts";

async function run(command: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", command] })
    .output();
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("effectiveUserId() agrees with id", async () => {
  assertEquals(effectiveUserId(), Number(await run("id -u")));
});

Deno.test("bootId() agrees with the kernel", async () => {
  assertEquals(
    bootId(),
    await run("cat /proc/sys/kernel/random/boot_id"),
  );
  assertMatch(bootId(), /^[0-9a-f-]{36}$/);
});

Deno.test("uptime() agrees with the kernel", async () => {
  const seconds = Number((await run("cat /proc/uptime")).split(" ")[0]);
  assertAlmostEquals(uptime() / 1000, seconds, 1);
});

Deno.test("kernelRandom() draws other bytes each time", () => {
  const first = kernelRandom(32);
  assertEquals(first.length, 32);
  assertNotEquals(first, kernelRandom(32));
  assert(first.some((byte) => byte !== 0));
});
