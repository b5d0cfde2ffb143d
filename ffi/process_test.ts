import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { toText } from "@std/streams/to-text";
import { OsError } from "./errno.ts";
import { type Child, spawn, type SpawnOptions } from "./process.ts";
import { until, withoutFdLeaks } from "./_test_utils.ts";

const PATH = "/usr/bin:/bin";

function shell(script: string, options: Partial<SpawnOptions> = {}): Child {
  return spawn({
    program: "/bin/sh",
    argv: ["sh", "-c", script],
    env: { PATH },
    ...options,
  });
}

function alive(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !stat.includes(") Z ");
  } catch {
    return false;
  }
}

function exists(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}

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

Deno.test("spawn() gives a child nothing but its arguments, environment and streams", async () => {
  await withoutFdLeaks(async () => {
    using inherited = await Deno.open("/dev/null");
    assert(inherited);
    using child = spawn({
      program: "/bin/sh",
      argv: [
        "other-name",
        "-c",
        `echo "$0 $1"; env | grep -v -e ^PWD -e ^_; ls /proc/$$/fd; cd /; pwd`,
        "zero",
        "é ∞",
      ],
      env: { A: "1 2", PATH },
      cwd: "/usr",
    });
    assertEquals(
      await toText(child.stdout),
      [
        "zero é ∞",
        "A=1 2",
        `PATH=${PATH}`,
        ...["0", "1", "2", "/", ""],
      ].join("\n"),
    );
    await child.status;
  });
});

Deno.test("spawn() makes the child lead a process group, with default signals and no mask", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("cat /proc/self/status /proc/$$/stat");
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
  });
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
      const code = (program: string, argv = [program]) =>
        assertThrows(() => spawn({ program, argv, env: {} }), OsError).code;
      assertEquals(code(`${folder}/missing`), "ENOENT");
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

Deno.test("Child.status names the signal that ended the child", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("kill -USR1 $$");
    assertEquals(await child.status, { code: 138, signal: "SIGUSR1" });
  });
});

Deno.test("Child.killGroup() reaches grandchildren", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("sleep 1000 & echo $!; wait");
    const { value } = await child.stdout.getReader().read();
    const grandchild = Number(new TextDecoder().decode(value));
    assert(alive(grandchild));
    child.killGroup("SIGTERM");
    assertEquals((await child.status).signal, "SIGTERM");
    await until(() => !alive(grandchild), 1000);
  });
});

Deno.test("Child.killGroup() reaches those that a child left behind when it exited", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("sleep 1000 & echo $!");
    const { value } = await child.stdout.getReader().read();
    const grandchild = Number(new TextDecoder().decode(value));
    await child.status;
    assert(alive(grandchild));
    child.killGroup("SIGKILL");
    await until(() => !alive(grandchild), 1000);
  });
});

Deno.test("Child.close() reaps a child that has ended", async () => {
  await withoutFdLeaks(async () => {
    const child = shell("exit 0");
    await child.status;
    assert(exists(child.pid), "it is a zombie until it is reaped");
    child.close();
    child.close();
    assert(!exists(child.pid));
    // Somebody else may have the number by now.
    child.killGroup("SIGKILL");
  });
});

Deno.test("Child.close() kills and reaps a child that still runs, without waiting", async () => {
  await withoutFdLeaks(async () => {
    const child = shell("trap '' TERM; sleep 1000 & wait");
    const reader = child.stdout.getReader();
    const waiting = reader.read();
    child.close();
    assert((await waiting).done);
    assertEquals(await child.status, { code: 137, signal: "SIGKILL" });
    await until(() => !exists(child.pid), 1000);
    const writer = child.stdin.getWriter();
    await assertRejects(() => writer.write(new Uint8Array(1)));
  });
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

Deno.test("Child.close() reaps a child that ended unseen, and tells how", async () => {
  await withoutFdLeaks(async () => {
    const child = shell("sleep 1000");
    // Lets the wait for the child begin; it hears of nothing from here on.
    await new Promise((resolve) => setTimeout(resolve, 5));
    child.killGroup("SIGKILL");
    const ended = () =>
      Deno.readTextFileSync(`/proc/${child.pid}/stat`).includes(") Z ");
    while (!ended());
    child.close();
    assertEquals(await child.status, { code: 137, signal: "SIGKILL" });
    assert(!exists(child.pid));
  });
});
