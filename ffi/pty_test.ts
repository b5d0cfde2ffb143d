import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDWR } from "./abi.ts";
import { OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { libc } from "./libc.ts";
import { openPty, writableFromPty } from "./pty.ts";
import { windowSize } from "./terminal.ts";
import { stty, until, withoutFdLeaks } from "./_test_utils.ts";

const SIZE = { rows: 24, cols: 80 };

/** See TCFLSH(2const): what was typed and not read is thrown away. */
const TCFLSH = 0x540bn;
/** The number 0, as an argument in the place of a pointer. */
const TCIFLUSH = null;

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
  assertEquals(master.endOfInput(), { code: 4, byLines: true });
  await stty(path, "eof", "^X");
  assertEquals(master.endOfInput(), { code: 0x18, byLines: true });
  await stty(path, "-icanon");
  assertEquals(master.endOfInput(), { code: 0x18, byLines: false });
  await stty(path, "eof", "undef");
  assertEquals(master.endOfInput(), undefined);
});

Deno.test("PtyMaster.midLine tells whether what was typed last has begun a line", () => {
  const { master, path } = openPty(SIZE);
  using _ = master;
  using terminal = openTerminal(path);
  assert(terminal);
  assertEquals(master.midLine, false);
  for (
    const [typed, midLine] of [["a", true], ["a\n", false], [
      "a\r",
      false,
    ]] as const
  ) {
    master.tryWrite(new TextEncoder().encode(typed));
    assertEquals(master.midLine, midLine, typed);
  }
  master.type(0x61);
  assertEquals(master.midLine, false);
});

Deno.test("PtyMaster.hasUnread() tells whether something waits for a reader, in all modes", async () => {
  await withoutFdLeaks(async () => {
    const { master, path } = openPty(SIZE);
    using _ = master;
    using terminal = openTerminal(path);
    assertEquals(master.hasUnread(), false);
    master.type(4);
    assertEquals(master.hasUnread(), true);
    assertEquals(terminal.tryRead(scratch), 0);
    assertEquals(master.hasUnread(), false);
    for (const modes of [["-icanon"], ["min", "5"]]) {
      await stty(path, ...modes);
      master.type(4);
      await until(() => master.hasUnread() === true, 2000);
      assertEquals(terminal.tryRead(scratch), 1);
      assertEquals(master.hasUnread(), false);
    }
  });
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
    await until(() => terminal.tryRead(bytes) === 0, 5000);
  });
});

Deno.test("writableFromPty() ends the input when it is closed", async (t) => {
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
      read: "one\x04\x04\x04\n\x04",
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
        const reader = new TerminalReader(terminal);
        await until(() => reader.read().length >= read.length, 5000);
        assertEquals(reader.read(), read);
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

/** Reads what a terminal has, with a mark where the input ends first. */
class TerminalReader {
  #text = "";

  constructor(readonly terminal: Fd) {}

  /** Returns what it had so far. */
  read(): string {
    while (!this.#text.endsWith("<end>")) {
      const count = this.terminal.tryRead(scratch);
      if (count === null) break;
      this.#text += count === 0
        ? "<end>"
        : new TextDecoder().decode(scratch.subarray(0, count));
    }
    return this.#text;
  }
}

Deno.test("writableFromPty() keeps the input at its end, however often it is read", async () => {
  await withoutFdLeaks(async () => {
    const { master, path } = openPty(SIZE);
    using _ = master;
    using terminal = openTerminal(path);
    await writableFromPty(master).close();
    for (let reads = 0; reads < 20; reads++) {
      await until(() => terminal.tryRead(scratch) === 0, 5000);
    }
  });
});

Deno.test("writableFromPty() ends the input again when modes are changed or input is thrown away", async () => {
  await withoutFdLeaks(async () => {
    const { master, path } = openPty(SIZE);
    using _ = master;
    using terminal = openTerminal(path);
    await writableFromPty(master).close();
    await until(() => master.hasUnread() === true, 5000);
    const read = async () => {
      let count: number | null = null;
      await until(() => (count = terminal.tryRead(scratch)) !== null, 5000);
      return [...scratch.subarray(0, count!)];
    };
    await stty(path, "-icanon");
    // The kernel has made it a byte of input that ends nothing.
    assertEquals(await read(), [0]);
    assertEquals(await read(), [4]);
    await until(() => master.hasUnread() === true, 5000);
    assertEquals(libc().ioctl(terminal.number, TCFLSH, TCIFLUSH), 0);
    assertEquals(await read(), [4]);
    await until(() => master.hasUnread() === true, 5000);
    await stty(path, "icanon");
    // A line of its own, as nobody can tell what it was meant for.
    assertEquals(await read(), [4]);
    assertEquals(await read(), []);
  });
});
