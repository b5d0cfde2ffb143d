import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDWR } from "./abi.ts";
import { OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { openPty, writableFromPty } from "./pty.ts";
import { windowSize } from "./terminal.ts";
import { stty, withoutFdLeaks } from "./_test_utils.ts";

const SIZE = { rows: 24, cols: 80 };

function openTerminal(path: string): Fd {
  return Fd.open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
}

Deno.test("openPty() makes a terminal of the size that it is told, for UTF-8", async () => {
  await withoutFdLeaks(async () => {
    const { master, path } = openPty({ rows: 65535, cols: 0 });
    using _ = master;
    const modes = await stty(path, "-a");
    assert(modes.includes("rows 65535; columns 0;"), modes);
    for (const mode of ["iutf8", "icanon", "echo", "icrnl", "onlcr", "isig"]) {
      assert(modes.split(/\s+/).includes(mode), mode);
    }
    using terminal = openTerminal(path);
    master.resize({ rows: 50, cols: 132 });
    assertEquals(windowSize(terminal.number), { rows: 50, cols: 132 });
  });
});

Deno.test("openPty() throws when the size is out of range, and leaves nothing open", async () => {
  await withoutFdLeaks(async () => {
    for (const wrong of [-1, 65536, 1.5, NaN]) {
      assertThrows(() => openPty({ rows: wrong, cols: 80 }), RangeError);
      assertThrows(() => openPty({ rows: 24, cols: wrong }), RangeError);
    }
    await Promise.resolve();
  });
});

Deno.test("openPty() closes the master on exec", () => {
  const { master } = openPty(SIZE);
  using _ = master;
  const info = Deno.readTextFileSync(`/proc/self/fdinfo/${master.number}`);
  const [, flags] = info.match(/flags:\s+(\d+)/)!;
  assert(Number.parseInt(flags!, 8) & O_CLOEXEC);
});

Deno.test("PtyMaster.tryRead() returns null when nothing is there, and 0 when the terminal was closed", () => {
  const { master, path } = openPty(SIZE);
  using _ = master;
  const bytes = new Uint8Array(100);
  assertEquals(master.tryRead(bytes), null);
  const terminal = openTerminal(path);
  assertEquals(master.tryRead(bytes), null);
  terminal.tryWrite(new TextEncoder().encode("last\n"));
  terminal.close();
  assertEquals(master.tryRead(bytes), 6);
  assertEquals(new TextDecoder().decode(bytes.subarray(0, 6)), "last\r\n");
  assertEquals(master.tryRead(bytes), 0);
});

Deno.test("PtyMaster.foregroundGroup() returns undefined when the terminal controls no session", () => {
  const { master, path } = openPty(SIZE);
  using _ = master;
  assertEquals(master.foregroundGroup(), undefined);
  using terminal = openTerminal(path);
  assert(terminal);
  assertEquals(master.foregroundGroup(), undefined);
});

Deno.test("PtyMaster.endOfInput() returns what ends the input in the terminal's modes", async () => {
  const { master, path } = openPty(SIZE);
  using _ = master;
  using terminal = openTerminal(path);
  assert(terminal);
  const afterTyping = (text: string) => {
    master.tryWrite(new TextEncoder().encode(text));
    return [...master.endOfInput()];
  };
  assertEquals([...master.endOfInput()], [4]);
  assertEquals(afterTyping("a"), [4, 4]);
  assertEquals(afterTyping("a\n"), [4]);
  assertEquals(afterTyping("a\r"), [4]);
  await stty(path, "eof", "^X");
  assertEquals(afterTyping("a"), [0x18, 0x18]);
  await stty(path, "-icanon");
  assertEquals(afterTyping("a"), [0x18]);
  await stty(path, "eof", "undef");
  assertEquals(afterTyping("a"), []);
});

Deno.test("writableFromPty() leaves the master open when it is closed or aborted", async () => {
  await withoutFdLeaks(async () => {
    const { master, path } = openPty(SIZE);
    using _ = master;
    using terminal = openTerminal(path);
    const bytes = new Uint8Array(100);
    await writableFromPty(master).abort();
    assert(!master.closed);
    assertEquals(terminal.tryRead(bytes), null);
    await writableFromPty(master).close();
    assert(!master.closed);
    // The end of the file.
    assertEquals(terminal.tryRead(bytes), 0);
  });
});

Deno.test("writableFromPty() ends the input exactly once when it is closed", async (t) => {
  const cases = [
    { name: "nothing was typed", typed: "", read: "<end>" },
    { name: "a line was typed", typed: "one\n", read: "one\n<end>" },
    { name: "the return key was pressed", typed: "one\r", read: "one\n<end>" },
    { name: "half a line was typed", typed: "one", read: "one<end>" },
    {
      name: "the terminal has its own character for it",
      modes: ["eof", "^X"],
      typed: "one\x04",
      read: "one\x04<end>",
    },
    {
      name: "the terminal doesn't read by lines",
      modes: ["-icanon"],
      typed: "one",
      read: "one\x04",
    },
    {
      name: "the terminal has no character for it",
      modes: ["eof", "undef"],
      typed: "one\n",
      read: "one\n",
    },
  ];
  for (const { name, modes = [], typed, read } of cases) {
    await t.step(name, () =>
      withoutFdLeaks(async () => {
        const { master, path } = openPty(SIZE);
        using _ = master;
        using terminal = openTerminal(path);
        await stty(path, ...modes);
        const writer = writableFromPty(master).getWriter();
        if (typed !== "") await writer.write(new TextEncoder().encode(typed));
        await writer.close();
        assertEquals(readAll(terminal), read);
      }));
  }
});

Deno.test("writableFromPty() waits for room, and fails when the terminal is closed instead", async () => {
  await withoutFdLeaks(async () => {
    const { master, path } = openPty(SIZE);
    using _ = master;
    using terminal = openTerminal(path);
    await stty(path, "-icanon", "-echo");
    const writer = writableFromPty(master).getWriter();
    writer.closed.catch(() => {});
    const waiting = writer.write(new Uint8Array(100_000));
    waiting.catch(() => {});
    let room = 0;
    for (let read = 0; room < 50_000; read = terminal.tryRead(scratch) ?? 0) {
      room += read;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    terminal.close();
    // A hang must become a failure.
    const timer = setTimeout(() => master.close(), 10_000);
    const error = await assertRejects(() => waiting, OsError);
    clearTimeout(timer);
    assertEquals(error.code, "EIO");
  });
});

const scratch = new Uint8Array(10_000);

/** Returns all that a terminal has, with a mark where the input ends. */
function readAll(terminal: Fd): string {
  let text = "";
  for (let count; (count = terminal.tryRead(scratch)) !== null;) {
    text += count === 0
      ? "<end>"
      : new TextDecoder().decode(scratch.subarray(0, count));
  }
  return text;
}
