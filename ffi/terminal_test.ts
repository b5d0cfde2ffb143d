import { assert, assertEquals, assertThrows } from "@std/assert";
import { toText } from "@std/streams/to-text";
import { O_NOCTTY, O_RDONLY, O_RDWR } from "./abi.ts";
import { OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { openPty } from "./pty.ts";
import { RawMode, setWindowSize, windowSize } from "./terminal.ts";
import { ON_TERMINAL, shell, stty, withoutFdLeaks } from "./_test_utils.ts";

const MODULE = import.meta.resolve("./terminal.ts");

/** Runs a function with a terminal and its path. */
async function withTerminal(
  fn: (terminal: Fd, path: string) => void | Promise<void>,
): Promise<void> {
  await withoutFdLeaks(async () => {
    const { master, path } = openPty({ rows: 24, cols: 80 });
    using _ = master;
    using terminal = Fd.open(path, O_RDWR | O_NOCTTY);
    await fn(terminal, path);
  });
}

/** The command that runs a script with this module's functions. */
function denoScript(script: string): string {
  const source = `const t = await import("${MODULE}"); ${script}`;
  return `'${Deno.execPath()}' eval --no-check '${source}'`;
}

Deno.test("windowSize() and setWindowSize() agree with stty", async () => {
  await withTerminal(async (terminal, path) => {
    assertEquals(windowSize(terminal.number), { rows: 24, cols: 80 });
    await stty(path, "rows", "40", "cols", "120");
    assertEquals(windowSize(terminal.number), { rows: 40, cols: 120 });
    setWindowSize(terminal.number, { rows: 65535, cols: 1 });
    assertEquals(await stty(path, "size"), "65535 1\n");
  });
});

Deno.test("windowSize() returns undefined when there is no terminal or it doesn't know", async () => {
  await withTerminal((terminal) => {
    for (const size of [{ rows: 0, cols: 0 }, { rows: 24, cols: 0 }]) {
      setWindowSize(terminal.number, size);
      assertEquals(windowSize(terminal.number), undefined);
    }
    using file = Fd.open("/dev/null", O_RDONLY);
    assertEquals(windowSize(file.number), undefined);
    assertEquals(windowSize(-1), undefined);
  });
});

Deno.test("setWindowSize() throws when the size is out of range or there is no terminal", async () => {
  await withTerminal((terminal) => {
    for (const wrong of [-1, 65536, 1.5, NaN]) {
      for (const size of [{ rows: wrong, cols: 1 }, { rows: 1, cols: wrong }]) {
        assertThrows(() => setWindowSize(terminal.number, size), RangeError);
      }
    }
    using file = Fd.open("/dev/null", O_RDONLY);
    const error = assertThrows(
      () => setWindowSize(file.number, { rows: 1, cols: 1 }),
      OsError,
    );
    assertEquals(error.code, "ENOTTY");
  });
});

Deno.test("RawMode.enter() makes the terminal raw, and RawMode.restore() puts back what was", async () => {
  await withTerminal(async (terminal, path) => {
    await stty(path, "-echoctl", "eof", "^X", "tostop", "-iutf8");
    const before = await stty(path, "-g");
    const mode = new RawMode(terminal.number);
    assertEquals(await stty(path, "-g"), before);
    mode.enter();
    const raw = (await stty(path, "-a")).split(/[\s;]+/);
    for (const flag of ["-icanon", "-echo", "-isig", "-icrnl", "-opost"]) {
      assert(raw.includes(flag), flag);
    }
    // A second one must not save what the first one made.
    mode.enter();
    mode.restore();
    assertEquals(await stty(path, "-g"), before);
  });
});

Deno.test("RawMode.enter() makes the terminal raw again when somebody changed it", async () => {
  await withTerminal(async (terminal, path) => {
    using mode = new RawMode(terminal.number);
    mode.enter();
    const raw = await stty(path, "-g");
    await stty(path, "sane");
    mode.enter();
    assertEquals(await stty(path, "-g"), raw);
    mode.restore();
    mode.enter();
    assertEquals(await stty(path, "-g"), raw);
  });
});

Deno.test("RawMode.restore() leaves the terminal alone when it wasn't made raw", async () => {
  await withTerminal(async (terminal, path) => {
    const mode = new RawMode(terminal.number);
    mode.enter();
    mode.restore();
    await stty(path, "-echo");
    const changed = await stty(path, "-g");
    mode.restore();
    assertEquals(await stty(path, "-g"), changed);
  });
});

Deno.test("RawMode restores the terminal at the end of its scope", async () => {
  await withTerminal(async (terminal, path) => {
    const before = await stty(path, "-g");
    {
      using mode = new RawMode(terminal.number);
      mode.enter();
      assert(await stty(path, "-g") !== before);
    }
    assertEquals(await stty(path, "-g"), before);
  });
});

Deno.test("RawMode throws when there is no terminal, or it is gone", async () => {
  await withoutFdLeaks(async () => {
    using file = Fd.open("/dev/null", O_RDONLY);
    const error = assertThrows(() => new RawMode(file.number), OsError);
    assertEquals(
      error.message,
      "Cannot read the modes of a terminal: Inappropriate ioctl for device (ENOTTY)",
    );

    const { master, path } = openPty({ rows: 24, cols: 80 });
    using terminal = Fd.open(path, O_RDWR | O_NOCTTY);
    const mode = new RawMode(terminal.number);
    mode.enter();
    master.close();
    assertEquals(assertThrows(() => mode.restore(), OsError).code, "EIO");
    await Promise.resolve();
  });
});

Deno.test("isBackground() tells whether the process's job would be stopped by using a terminal", async () => {
  await withoutFdLeaks(async () => {
    const script = denoScript("console.log(t.isBackground(0))");
    using child = shell(
      `set -m; ${script}; ${script} & wait; ${script} </dev/null; :`,
      ON_TERMINAL,
    );
    assertEquals(
      (await toText(child.stdout)).match(/true|false/g),
      ["false", "true", "false"],
    );
    await child.status;
  });
});
