import { assertEquals } from "@std/assert";
import {
  disposablePipe,
  ON_TERMINAL,
  shell,
  stty,
  withoutFdLeaks,
} from "./_test_utils.ts";
import { F_GETPIPE_SZ, F_SETPIPE_SZ, O_RDWR, PIPE_MAX_SIZE } from "./abi.ts";
import { Fd } from "./fd.ts";
import { libc } from "./libc.ts";
import { enlargePipe } from "./pipe.ts";

function size(fd: Fd): number {
  return libc().fcntl(fd.number, F_GETPIPE_SZ, 0);
}

function resize(fd: Fd, bytes: number): number {
  return libc().fcntl(fd.number, F_SETPIPE_SZ, bytes);
}

/** More than users may have but for those with CAP_SYS_RESOURCE. */
const MORE = 4 * PIPE_MAX_SIZE;

function mayExceed(): boolean {
  using pipe = disposablePipe("in");
  return resize(pipe.own, MORE) === MORE;
}

Deno.test("openPipe() makes a pipe of 1 MiB", () => {
  using pipe = disposablePipe("in");
  assertEquals(size(pipe.own), 1024 * 1024);
});

Deno.test("enlargePipe() makes a pipe hold 1 MiB, by either end, and keeps what is in it", () => {
  using pipe = disposablePipe("in");
  for (const end of [pipe.own, pipe.child]) {
    resize(pipe.own, 4096);
    assertEquals(size(end), 4096);
    pipe.own.tryWrite(new TextEncoder().encode("kept"));
    enlargePipe(end);
    assertEquals(size(end), PIPE_MAX_SIZE);
    const read = new Uint8Array(9);
    assertEquals(libc().read(pipe.child.number, read, 9n), 4);
    assertEquals(new TextDecoder().decode(read.subarray(0, 4)), "kept");
  }
});

Deno.test({
  name: "enlargePipe() leaves a pipe alone that holds more",
  ignore: !mayExceed(),
  fn: () => {
    using pipe = disposablePipe("in");
    assertEquals(resize(pipe.own, MORE), MORE);
    enlargePipe(pipe.own);
    assertEquals(size(pipe.own), MORE);
  },
});

Deno.test("enlargePipe() leaves files and terminals alone", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "as it is");
    await withoutFdLeaks(async () => {
      for (const name of [path, "/dev/null"]) {
        using file = Fd.open(name, O_RDWR);
        const before = await Deno.stat(name);
        enlargePipe(file);
        assertEquals(await Deno.stat(name), before);
      }
      const child = shell("exec sleep 60", ON_TERMINAL);
      const terminal = Deno.readLinkSync(`/proc/${child.pid}/fd/0`);
      const modes = await stty(terminal, "--all");
      {
        using file = Fd.open(terminal, O_RDWR);
        enlargePipe(file);
      }
      assertEquals(await stty(terminal, "--all"), modes);
      child.close();
      await child.status;
    });
    assertEquals(await Deno.readTextFile(path), "as it is");
  } finally {
    await Deno.remove(path);
  }
});
