import { assertEquals, assertRejects } from "@std/assert";
import { until, withoutFdLeaks } from "./_test_utils.ts";
import {
  F_GETFL,
  F_SETFL,
  FIONREAD,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
} from "./abi.ts";
import { AsyncFd } from "./async_fd.ts";
import { OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { readableFromFd, writableFromFd } from "./fd_streams.ts";
import { inheritedAccess, InheritedFd } from "./inherited_fd.ts";
import { libc } from "./libc.ts";
import { openPipe } from "./pipe.ts";

/** The blocking end of a pipe as if it were inherited, and the other one. */
function blockingEnd(direction: "in" | "out") {
  const { own, child } = openPipe(direction);
  return { other: own, inherited: new InheritedFd(child.number) };
}

/** A descriptor that tells when somebody waits to read. */
class AwaitedFd extends InheritedFd {
  readonly #awaited = Promise.withResolvers<void>();

  get awaited(): Promise<void> {
    return this.#awaited.promise;
  }

  override readable(): Promise<void> {
    this.#awaited.resolve();
    return super.readable();
  }
}

/** Waits for the loss of a descriptor that is watched from now on. */
async function loseAnother(): Promise<void> {
  const { other, inherited } = blockingEnd("in");
  using _ = inherited;
  const lost = inherited.watchLoss();
  const aborted = new Promise((resolve) => lost.onabort = resolve);
  other.close();
  await aborted;
}

Deno.test("inheritedAccess() knows the process's own streams, and none that was opened since", () => {
  assertEquals(inheritedAccess(2)?.writable, true);
  using file = Fd.open("/dev/null", O_WRONLY);
  assertEquals(inheritedAccess(file.number), undefined);
  assertEquals(inheritedAccess(100_000), undefined);
});

Deno.test("inheritedAccess() tells what a descriptor is open for", async () => {
  const module = new URL("inherited_fd.ts", import.meta.url).href;
  const script = `import { inheritedAccess } from "${module}";
    console.log(JSON.stringify([3, 4, 5, 6].map((fd) => inheritedAccess(fd) ?? null)));`;
  const { stdout } = await new Deno.Command("sh", {
    args: [
      ...["-c", 'exec "$@" 3</dev/null 4>/dev/null 5<>/dev/null 6<&-', "sh"],
      ...[Deno.execPath(), "eval", script],
    ],
  }).output();
  assertEquals(JSON.parse(new TextDecoder().decode(stdout)), [
    { readable: true, writable: false },
    { readable: false, writable: true },
    { readable: true, writable: true },
    null,
  ]);
});

Deno.test("InheritedFd neither blocks nor makes the descriptor non-blocking", async () => {
  await withoutFdLeaks(async () => {
    const { own: other, child } = openPipe("in");
    const inherited = new AwaitedFd(child.number);
    assertEquals(inherited.tryRead(new Uint8Array(9)), null);
    const text = new Response(readableFromFd(inherited)).text();
    await inherited.awaited;
    assertEquals(libc().fcntl(inherited.number, F_GETFL, 0), O_RDONLY);
    other.tryWrite(new TextEncoder().encode("hello"));
    other.close();
    assertEquals(await text, "hello");
  });
});

Deno.test("InheritedFd waits for room", async () => {
  await withoutFdLeaks(async () => {
    const { other, inherited } = blockingEnd("out");
    const bytes = new Uint8Array(3 * 1024 * 1024).fill(7);
    const writer = writableFromFd(inherited).getWriter();
    const written = writer.write(bytes).then(() => writer.close());
    let length = 0;
    for await (const chunk of readableFromFd(other)) length += chunk.length;
    await written;
    assertEquals(length, bytes.length);
  });
});

Deno.test("InheritedFd.watchLoss() is aborted when the other end is closed", async () => {
  await withoutFdLeaks(async () => {
    for (const direction of ["in", "out"] as const) {
      const { other, inherited } = blockingEnd(direction);
      const lost = inherited.watchLoss();
      assertEquals(lost.aborted, false);
      const aborted = new Promise((resolve) => lost.onabort = resolve);
      other.close();
      await aborted;
      inherited.close();
    }
  });
});

Deno.test("InheritedFd.watchLoss() is never aborted on a file", async () => {
  const path = await Deno.makeTempFile();
  try {
    await withoutFdLeaks(async () => {
      const file = Fd.open(path, O_RDONLY);
      using inherited = new InheritedFd(file.number);
      const lost = inherited.watchLoss();
      await loseAnother();
      assertEquals(lost.aborted, false);
      assertEquals(inherited.tryRead(new Uint8Array(1)), 0);
    });
  } finally {
    await Deno.remove(path);
  }
});

/** Reads what comes to a pipe's own end, and returns how much that was. */
async function readAll(from: AsyncFd): Promise<number> {
  let length = 0;
  for await (const chunk of readableFromFd(from)) length += chunk.length;
  return length;
}

for (const flags of [0, O_NONBLOCK]) {
  Deno.test(`InheritedFd.write() waits for room and leaves the flags alone, which are ${flags}`, async () => {
    await withoutFdLeaks(async () => {
      const { own, child } = openPipe("out");
      libc().fcntl(child.number, F_SETFL, flags);
      const inherited = new InheritedFd(child.number);
      const bytes = new Uint8Array(3 * 1024 * 1024);
      const written = inherited.write(bytes);
      // What is written later comes later, however small it is.
      const last = inherited.write(Uint8Array.of(1));
      await until(() => readableBytes(own) >= 1024 * 1024, 5000);
      assertEquals(libc().fcntl(child.number, F_GETFL, 0), O_WRONLY | flags);
      const length = readAll(own);
      await Promise.all([written, last]);
      inherited.close();
      assertEquals(await length, bytes.length + 1);
    });
  });
}

Deno.test("InheritedFd.write() waits for room in a pipe that cannot be opened once more", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/fifo`;
  try {
    await new Deno.Command("mkfifo", { args: [path] }).output();
    await withoutFdLeaks(async () => {
      const first = Fd.open(path, O_RDONLY | O_NONBLOCK);
      const inherited = new InheritedFd(Fd.open(path, O_WRONLY).number);
      // A pipe without a reader cannot be opened for writing without waiting.
      first.close();
      inherited.tryWrite(new Uint8Array(0));
      const reader = new AsyncFd(
        Fd.open(path, O_RDONLY | O_NONBLOCK).number,
      );
      const bytes = new Uint8Array(1024 * 1024);
      const written = inherited.write(bytes);
      const length = readAll(reader);
      await written;
      inherited.close();
      assertEquals(await length, bytes.length);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("InheritedFd.write() fails with EPIPE when nobody reads, and names the descriptor", async () => {
  await withoutFdLeaks(async () => {
    const { own, child } = openPipe("out");
    using inherited = new InheritedFd(child.number, "stdout");
    own.close();
    const error = await assertRejects(
      () => inherited.write(new Uint8Array(100_000)),
      OsError,
      "Cannot write to stdout: ",
    );
    assertEquals(error.code, "EPIPE");
  });
});

Deno.test("InheritedFd.write() opens nothing for writing that isn't", async () => {
  await withoutFdLeaks(async () => {
    const { own, child } = openPipe("in");
    using _ = own;
    using inherited = new InheritedFd(child.number);
    const error = await assertRejects(
      () => inherited.write(new Uint8Array(1)),
      OsError,
    );
    assertEquals(error.code, "EBADF");
  });
});

Deno.test("InheritedFd.tryRead() is at the end where nothing can be read", () => {
  const { own, child } = openPipe("out");
  using _ = own;
  using inherited = new InheritedFd(child.number);
  assertEquals(inherited.tryRead(new Uint8Array(1)), 0);
});

/** Returns how much waits to be read. */
function readableBytes(fd: Fd): number {
  const count = new Int32Array(1);
  libc().ioctl(fd.number, BigInt(FIONREAD), count);
  return count[0]!;
}
