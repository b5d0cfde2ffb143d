import { assert, assertEquals, assertRejects } from "@std/assert";
import { OsError } from "./errno.ts";
import { readableFromFd, writableFromFd } from "./fd_streams.ts";
import { disposablePipe, until, withoutFdLeaks } from "./_test_utils.ts";

Deno.test("readableFromFd() yields what is written, and ends with the pipe", async () => {
  await withoutFdLeaks(async () => {
    using pipe = disposablePipe("out");
    const reader = readableFromFd(pipe.own).getReader();
    const first = reader.read();
    pipe.child.tryWrite(Uint8Array.of(1, 2, 3));
    assertEquals((await first).value, Uint8Array.of(1, 2, 3));
    pipe.child.close();
    assertEquals(await reader.read(), { value: undefined, done: true });
    assert(pipe.own.closed);
  });
});

Deno.test("readableFromFd() fills a BYOB reader's own buffer", async () => {
  await withoutFdLeaks(async () => {
    using pipe = disposablePipe("out");
    const reader = readableFromFd(pipe.own).getReader({ mode: "byob" });
    pipe.child.tryWrite(Uint8Array.of(1, 2, 3));
    const one = await reader.read(new Uint8Array(1));
    assertEquals(one.value, Uint8Array.of(1));
    const rest = await reader.read(new Uint8Array(8).subarray(2));
    assertEquals(rest.value, Uint8Array.of(2, 3));
    assertEquals(rest.value?.byteOffset, 2);
    pipe.child.close();
    assert((await reader.read(new Uint8Array(1))).done);
  });
});

Deno.test("readableFromFd() reads nothing before it is asked", async () => {
  await withoutFdLeaks(async () => {
    using pipe = disposablePipe("out");
    pipe.child.tryWrite(Uint8Array.of(1));
    const stream = readableFromFd(pipe.own);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(pipe.own.tryRead(new Uint8Array(8)), 1);
    await stream.cancel();
  });
});

Deno.test("readableFromFd() closes the descriptor at once when a waiting read is cancelled", async () => {
  await withoutFdLeaks(async () => {
    using pipe = disposablePipe("out");
    const reader = readableFromFd(pipe.own).getReader();
    const waiting = reader.read();
    await reader.cancel();
    assert(pipe.own.closed);
    assert((await waiting).done);
  });
});

Deno.test("readableFromFd() ends when its owner closes the descriptor", async () => {
  await withoutFdLeaks(async () => {
    using pipe = disposablePipe("out");
    const reader = readableFromFd(pipe.own).getReader();
    const waiting = reader.read();
    pipe.own.close();
    assert((await waiting).done);
  });
});

Deno.test("readableFromFd() drains what is there, and ends though the pipe is held", async () => {
  await withoutFdLeaks(async () => {
    using pipe = disposablePipe("out");
    const drain = new AbortController();
    const stream = readableFromFd(pipe.own, { drain: drain.signal });
    pipe.child.tryWrite(new Uint8Array(200_000));
    drain.abort();
    let total = 0;
    for await (const chunk of stream) total += chunk.byteLength;
    assertEquals(total, 200_000);
  });
});

Deno.test("readableFromFd() ends a waiting read when it is drained", async () => {
  await withoutFdLeaks(async () => {
    using pipe = disposablePipe("out");
    const drain = new AbortController();
    const stream = readableFromFd(pipe.own, { drain: drain.signal });
    const waiting = stream.getReader().read();
    await new Promise((resolve) => setTimeout(resolve, 0));
    drain.abort();
    assert((await waiting).done);
  });
});

Deno.test("writableFromFd() waits for room, and writes everything in order", async () => {
  await withoutFdLeaks(async () => {
    using pipe = disposablePipe("in");
    const writer = writableFromFd(pipe.own).getWriter();
    const bytes = new Uint8Array(3 << 20).map((_, index) => index % 251);
    const done = writer.write(bytes);
    // By another descriptor, whose reads don't block this thread.
    using end = await Deno.open(`/proc/self/fd/${pipe.child.number}`);
    const read = new Uint8Array(bytes.byteLength);
    for (let offset = 0; offset < read.byteLength;) {
      offset += (await end.read(read.subarray(offset)))!;
    }
    await done;
    assertEquals(read, bytes);
    await writer.close();
    assert(pipe.own.closed);
  });
});

Deno.test("writableFromFd() gives a waiting write up at once when it is aborted", async () => {
  await withoutFdLeaks(async () => {
    using pipe = disposablePipe("in");
    const writer = writableFromFd(pipe.own).getWriter();
    writer.closed.catch(() => {});
    const waiting = writer.write(new Uint8Array(8 << 20));
    waiting.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 0));
    await writer.abort(new Error("enough"));
    assert(pipe.own.closed);
    await assertRejects(() => waiting);
  });
});

Deno.test("writableFromFd() fails with EPIPE when the reader goes while it waits", async () => {
  await withoutFdLeaks(async () => {
    using pipe = disposablePipe("in");
    const writer = writableFromFd(pipe.own).getWriter();
    writer.closed.catch(() => {});
    const waiting = writer.write(new Uint8Array(8 << 20));
    waiting.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 0));
    pipe.child.close();
    const error = await assertRejects(() => waiting, OsError);
    assertEquals(error.code, "EPIPE");
    assert(pipe.own.closed);
  });
});

Deno.test("fd streams leave timers their turn when they never have to wait", async () => {
  await withoutFdLeaks(async () => {
    using pipe = disposablePipe("in");
    // Registers the readiness loop, as an agent's listener does.
    using listener = disposablePipe("out");
    const idle = readableFromFd(listener.own).getReader();
    idle.read();
    const writer = writableFromFd(pipe.own).getWriter();
    const bytes = new Uint8Array(1);
    let fired = false;
    setTimeout(() => fired = true, 0);
    let writes = 0;
    while (!fired && writes < 100_000) {
      await writer.write(bytes);
      pipe.child.tryRead(bytes);
      writes++;
    }
    assert(fired, `no timer fired during ${writes} writes`);
    await writer.close();
    await idle.cancel();
    await until(() => listener.own.closed, 1000);
  });
});
