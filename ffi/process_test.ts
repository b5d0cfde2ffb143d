import { assert, assertEquals, assertThrows } from "@std/assert";
import { toText } from "@std/streams/to-text";
import { OsError } from "./errno.ts";
import { spawn } from "./process.ts";
import { ON_TERMINAL, shell, withoutFdLeaks } from "./_test_utils.ts";

const PATH = "/usr/bin:/bin";

/** The kinds of standard streams that a child may have. */
const KINDS = { "on pipes": {}, "on a terminal": ON_TERMINAL };

Deno.test("spawn() connects the three streams, and tells the exit code", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("cat; echo oops >&2; exit 3");
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("hello"));
    await writer.close();
    const [stdout, stderr, status] = await Promise.all([
      toText(child.stdout),
      toText(child.stderr),
      child.status,
    ]);
    assertEquals([stdout, stderr], ["hello", "oops\n"]);
    assertEquals(status, { code: 3, signal: undefined });
  });
});

Deno.test("spawn() gives a child nothing but its arguments, environment and streams", async (t) => {
  for (const [kind, options] of Object.entries(KINDS)) {
    await t.step(kind, () =>
      withoutFdLeaks(async () => {
        using inherited = await Deno.open("/dev/null");
        assert(inherited);
        using child = spawn({
          program: "/bin/sh",
          argv: [
            "other-name",
            "-c",
            `echo "$0 $1"; env | grep -v -e ^PWD -e ^_; ls -1 /proc/$$/fd; cd /; pwd`,
            "zero",
            "é ∞",
          ],
          env: { A: "1 2", PATH },
          cwd: "/usr",
          ...options,
        });
        assertEquals(
          (await toText(child.stdout)).replaceAll("\r\n", "\n"),
          [
            "zero é ∞",
            "A=1 2",
            `PATH=${PATH}`,
            ...["0", "1", "2", "/", ""],
          ].join("\n"),
        );
        await child.status;
      }));
  }
});

Deno.test("spawn() makes the child lead a process group, with default signals and no mask", async (t) => {
  for (const [kind, options] of Object.entries(KINDS)) {
    await t.step(kind, () =>
      withoutFdLeaks(async () => {
        using child = shell("cat /proc/self/status /proc/$$/stat", options);
        const text = await toText(child.stdout);
        const field = (name: string) =>
          BigInt(`0x${text.match(new RegExp(`${name}:\\s+([0-9a-f]+)`))![1]!}`);
        assertEquals(field("SigBlk"), 0n);
        assertEquals(field("SigCgt"), 0n);
        // The C library keeps 32 and 33 for itself.
        assertEquals(field("SigIgn") & ~(3n << 31n), 0n);
        const [, group] = text.match(/\) \S \d+ (\d+) /)!;
        assertEquals(Number(group), child.pid);
        await child.status;
      }));
  }
});

Deno.test("spawn() makes a terminal the controlling one of a new session", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("tty; cat /proc/$$/stat; echo there >/dev/tty", {
      terminal: { rows: 40, cols: 120 },
    });
    const [path, stat, last] = (await toText(child.stdout)).split("\r\n");
    assert(path?.startsWith("/dev/pts/"), path);
    const fields = stat!.match(/\) \S \d+ (\d+) (\d+) (\d+) (\d+) /)!;
    const [group, session, terminal, foreground] = fields.slice(1).map(Number);
    assertEquals(
      [group, session, foreground],
      [child.pid, child.pid, child.pid],
    );
    // The number of the device, as proc_pid_stat(5) packs it.
    assertEquals(terminal, 136 << 8 | Number(path.slice("/dev/pts/".length)));
    assertEquals(last, "there");
    assertEquals(await child.status, { code: 0, signal: undefined });
  });
});

Deno.test("spawn() connects all three streams to the terminal, of the size that it is told", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("stty size; [ -t 0 ] && [ -t 1 ] && echo oops >&2", {
      terminal: { rows: 40, cols: 120 },
    });
    const [stdout, stderr] = await Promise.all([
      toText(child.stdout),
      toText(child.stderr),
    ]);
    assertEquals([stdout, stderr], ["40 120\r\noops\r\n", ""]);
    await child.status;
  });
});

Deno.test({
  name: "spawn() gives the terminal's file to the owner, and keeps its group",
  ignore: Deno.uid() !== 0,
  async fn() {
    await withoutFdLeaks(async () => {
      const script = "stat -c %u:%g $(tty)";
      using usual = shell(script, ON_TERMINAL);
      using given = shell(script, {
        ...ON_TERMINAL,
        owner: 12345,
      });
      const [, group] = (await toText(usual.stdout)).match(/^0:(\d+)\r\n$/)!;
      assertEquals(await toText(given.stdout), `12345:${group}\r\n`);
      await Promise.all([usual.status, given.status]);
    });
  },
});

Deno.test({
  name: "spawn() throws when it may not give the terminal's file away",
  ignore: Deno.uid() === 0,
  async fn() {
    await withoutFdLeaks(async () => {
      const terminal = { ...ON_TERMINAL.terminal, owner: Deno.uid()! + 1 };
      const error = assertThrows(
        () => shell("true", { terminal }),
        OsError,
        `to user ${terminal.owner}: `,
      );
      assertEquals(error.code, "EPERM");
      await Promise.resolve();
    });
  },
});

Deno.test("spawn() loses no output that is written just before the child exits", async (t) => {
  const lines = (count: number) =>
    Array.from({ length: count }, (_, i) => `${i + 1}\r\n`).join("");
  // From one write to more than a terminal holds.
  for (const [count, children] of [[1, 400], [500, 100], [40_000, 20]]) {
    await t.step(`${count} lines of ${children} children`, async () => {
      const expected = lines(count!);
      await withoutFdLeaks(async () => {
        for (let started = 0; started < children!; started += 10) {
          await Promise.all(Array.from({ length: 10 }, async () => {
            using child = shell(`exec seq ${count}`, ON_TERMINAL);
            const [text, { code }] = await Promise.all([
              toText(child.stdout),
              child.status,
            ]);
            assertEquals(code, 0);
            assert(text === expected, `${text.length} of ${expected.length}`);
          }));
        }
      });
    });
  }
});

Deno.test("spawn() runs a child in the folder it is told", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("pwd", { cwd: "/usr" });
    assertEquals(await toText(child.stdout), "/usr\n");
    await child.status;
  });
});

Deno.test("spawn() throws with the reason when the program cannot run", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await withoutFdLeaks(async () => {
      const file = async (name: string, text: string, mode: number) => {
        await Deno.writeTextFile(`${folder}/${name}`, text, { mode });
        return `${folder}/${name}`;
      };
      const code = (program: string, argv = [program], options = {}) =>
        assertThrows(
          () => spawn({ program, argv, env: {}, ...options }),
          OsError,
        ).code;
      for (const options of Object.values(KINDS)) {
        assertEquals(code(`${folder}/missing`, undefined, options), "ENOENT");
      }
      assertEquals(code(await file("plain", "", 0o644)), "EACCES");
      assertEquals(code(await file("text", "text", 0o755)), "ENOEXEC");
      assertEquals(code(await file("orphan", "#!/nope\n", 0o755)), "ENOENT");
      const long = "x".repeat(200_000);
      assertEquals(code("/bin/true", ["true", long]), "E2BIG");
      assertThrows(
        () => spawn({ program: "/bin/true", argv: ["a\0b"], env: {} }),
        TypeError,
        "it holds a NUL",
      );
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("spawn() survives many children at once", async () => {
  await withoutFdLeaks(async () => {
    const codes = await Promise.all(
      Array.from({ length: 100 }, async (_, code) => {
        using child = shell(`exit ${code}`);
        return (await child.status).code;
      }),
    );
    assertEquals(codes, Array.from({ length: 100 }, (_, code) => code));
  });
});
