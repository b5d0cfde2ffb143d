import { assertEquals, assertRejects } from "@std/assert";
import { BlockingCalls } from "./blocking_calls.ts";
import { OsError } from "./errno.ts";

/** A call that ends when it is told. */
function call(): {
  readonly run: () => Promise<string>;
  readonly end: (result: string) => void;
  readonly begun: () => boolean;
} {
  const { promise, resolve } = Promise.withResolvers<string>();
  let begun = false;
  return {
    run: () => {
      begun = true;
      return promise;
    },
    end: resolve,
    begun: () => begun,
  };
}

Deno.test("run() makes the call, and returns its result", async () => {
  const calls = new BlockingCalls({ max: 1, timeout: 60_000 });
  const one = call();
  const result = calls.run("do it", one.run);
  one.end("done");
  assertEquals(await result, "done");
  await assertRejects(
    () => calls.run("fail", () => Promise.reject(new TypeError("no"))),
    TypeError,
    "no",
  );
});

Deno.test("run() lets calls wait for their turn, in order", async () => {
  const calls = new BlockingCalls({ max: 2, timeout: 60_000 });
  const all = Array.from({ length: 4 }, call);
  const results = all.map(({ run }) => calls.run("do it", run));
  const begun = () => all.map((one) => one.begun());
  await Promise.resolve();
  assertEquals(begun(), [true, true, false, false]);
  all[1]!.end("second");
  assertEquals(await results[1], "second");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(begun(), [true, true, true, false]);
  for (const one of all) one.end("done");
  assertEquals(await Promise.all(results), ["done", "second", "done", "done"]);
});

Deno.test("run() gives up after a while, and hands a late result over", async () => {
  const calls = new BlockingCalls({ max: 1, timeout: 20 });
  const stuck = call();
  const late = Promise.withResolvers<string>();
  const error = await assertRejects(
    () => calls.run("do it", stuck.run, { onLate: late.resolve }),
    OsError,
    "Cannot do it: Connection timed out (ETIMEDOUT)",
  );
  assertEquals(error.code, "ETIMEDOUT");
  // The place is taken for as long as the call takes.
  const other = call();
  const busy = await assertRejects(
    () => calls.run("do it", other.run),
    OsError,
  );
  assertEquals([busy.code, other.begun()], ["EAGAIN", false]);
  stuck.end("at last");
  assertEquals(await late.promise, "at last");
  other.end("done");
  assertEquals(await calls.run("do it", other.run), "done");
});

Deno.test("run() gives up when its signal is aborted, also in the queue", async () => {
  const calls = new BlockingCalls({ max: 1, timeout: 60_000 });
  const [stuck, queued, last] = [call(), call(), call()];
  const abort = new AbortController();
  const { signal } = abort;
  const results = [
    calls.run("do it", stuck.run, { signal }),
    calls.run("do it", queued.run, { signal }),
  ];
  const after = calls.run("do it", last.run);
  abort.abort(new TypeError("gone"));
  for (const result of results) {
    await assertRejects(() => result, TypeError, "gone");
  }
  await assertRejects(
    () => calls.run("do it", queued.run, { signal }),
    TypeError,
  );
  assertEquals(queued.begun(), false);
  stuck.end("late");
  last.end("done");
  assertEquals(await after, "done");
});
