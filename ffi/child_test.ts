import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { toText } from "@std/streams/to-text";
import type { Child } from "./child.ts";
import { libc } from "./libc.ts";
import { findProgram } from "./program.ts";
import { spawn } from "./process.ts";
import { signalNumber } from "./signals.ts";
import {
  alive,
  ON_TERMINAL,
  shell,
  TextReader,
  until,
  withoutFdLeaks,
} from "./_test_utils.ts";

const CTRL_C = "\x03";

function exists(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}

async function type(child: Child, text: string): Promise<void> {
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  writer.releaseLock();
}

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

Deno.test("Child.close() reaps a child that ended unseen, and tells how", async () => {
  await withoutFdLeaks(async () => {
    const child = shell("echo; exec sleep 1000");
    // By then the child is waited for too; nothing is heard from here on.
    await child.stdout.getReader().read();
    child.killGroup("SIGKILL");
    const ended = () =>
      Deno.readTextFileSync(`/proc/${child.pid}/stat`).includes(") Z ");
    while (!ended());
    child.close();
    assertEquals(await child.status, { code: 137, signal: "SIGKILL" });
    assert(!exists(child.pid));
  });
});

/** Does nothing; a trap runs between two sleeps. */
const IDLE = "while :; do sleep 0.02; done";

/** Says its process id, and leads a group of its own where there is job control. */
const JOB = `sh -c 'echo "[$$]"; exec sleep 1000'`;

/** The same, but ends by itself upon Ctrl-C, or its shell would end with it. */
const TRAPPING_JOB = `sh -c 'trap "exit 9" INT; echo "[$$]"; ${IDLE}'`;

interface ForegroundJob extends Disposable {
  readonly child: Child;
  /** The process id that the job said. */
  readonly job: number;
  readonly output: TextReader;
}

/**
 * Runs a shell with job control, and a job in the foreground of its terminal.
 * It is bash because others end when they cannot get the terminal back.
 */
async function startForegroundJob(
  { command = JOB, onHangUp = "" } = {},
): Promise<ForegroundJob> {
  const script =
    `set -m; trap "${onHangUp}" HUP; ${command}; echo "job: $?"; ${IDLE}`;
  const child = spawn({
    program: findProgram("bash"),
    argv: ["bash", "-c", script],
    env: { PATH: "/usr/bin:/bin" },
    ...ON_TERMINAL,
  });
  const output = new TextReader(child.stdout);
  const [, job] = await output.until(/\[(\d+)\]\r\n/);
  return {
    child,
    job: Number(job),
    output,
    [Symbol.dispose]: () => child.close(),
  };
}

function stop(group: number): Promise<void> {
  libc().kill(-group, signalNumber("SIGSTOP"));
  return until(() => stat(group)[0] === "T", 1000);
}

/** Returns what follows the name, see proc_pid_stat(5). */
function stat(pid: number): string[] {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

Deno.test("Child.stdin interrupts only the job in the foreground when Ctrl-C is typed", async () => {
  await withoutFdLeaks(async () => {
    using running = await startForegroundJob({ command: TRAPPING_JOB });
    const { child, job, output } = running;
    await type(child, CTRL_C);
    await output.until(/job: 9/);
    assert(!alive(job));
    assert(alive(child.pid));
  });
});

Deno.test("Child.signal() reaches only the job in the foreground of a terminal", async () => {
  await withoutFdLeaks(async () => {
    using running = await startForegroundJob();
    const { child, job, output } = running;
    child.signal("SIGTERM");
    await output.until(/job: 143/);
    assert(!alive(job));
    assert(alive(child.pid));
  });
});

Deno.test("Child.signal() reaches a job in the foreground whose first process is gone", async () => {
  await withoutFdLeaks(async () => {
    using running = await startForegroundJob({ command: `true | ${JOB}` });
    const { child, job, output } = running;
    const group = Number(stat(job)[2]);
    assertNotEquals(group, job);
    await until(() => !exists(group), 1000);
    child.signal("SIGTERM");
    await output.until(/job: 143/);
    assert(alive(child.pid));
  });
});

Deno.test("Child.signal() reaches the child's group when there is no terminal", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("sleep 1000 & echo $!; wait");
    const output = new TextReader(child.stdout);
    const [grandchild] = await output.until(/\d+/);
    child.signal("SIGUSR1");
    assertEquals((await child.status).signal, "SIGUSR1");
    await until(() => !alive(Number(grandchild)), 1000);
  });
});

Deno.test("Child.signal() throws when there is no such signal", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("read x");
    assertThrows(() => child.signal("SIGNOPE" as Deno.Signal), TypeError);
    child.signal("SIGKILL");
    await child.status;
  });
});

Deno.test("Child.killGroup() reaches the job in the foreground of a terminal too", async () => {
  await withoutFdLeaks(async () => {
    using running = await startForegroundJob();
    const { child, job } = running;
    child.killGroup("SIGKILL");
    assertEquals((await child.status).signal, "SIGKILL");
    await until(() => !alive(job), 1000);
  });
});

Deno.test("Child.close() kills the job in the foreground of a terminal too", async () => {
  await withoutFdLeaks(async () => {
    const { child, job } = await startForegroundJob();
    child.close();
    assertEquals(await child.status, { code: 137, signal: "SIGKILL" });
    await until(() => !alive(job), 1000);
    await until(() => !exists(child.pid), 1000);
  });
});

Deno.test("Child.hangUp() ends a child that does nothing against it, also a stopped one", async () => {
  await withoutFdLeaks(async () => {
    for (const script of ["echo ready; read x", "echo ready; kill -STOP $$"]) {
      using child = shell(script, ON_TERMINAL);
      const output = new TextReader(child.stdout);
      await output.until(/ready/);
      child.hangUp();
      assertEquals((await child.status).signal, "SIGHUP");
      assertEquals(await output.rest(), "\r\n");
    }
  });
});

Deno.test("Child.hangUp() takes the terminal away from those that stay, whom Child.killGroup() still reaches", async () => {
  await withoutFdLeaks(async () => {
    using running = await startForegroundJob();
    const { child, job, output } = running;
    child.hangUp();
    // A second one finds the terminal closed.
    child.hangUp();
    assertEquals(await output.rest(), "");
    assert(alive(child.pid));
    assert(alive(job));
    child.resize({ rows: 1, cols: 1 });
    child.killGroup("SIGKILL");
    assertEquals((await child.status).signal, "SIGKILL");
    await until(() => !alive(job), 1000);
  });
});

Deno.test("Child.hangUp() reaches the job in the foreground, also a stopped one", async (t) => {
  for (const stopped of [false, true]) {
    await t.step(
      stopped ? "stopped" : "running",
      () =>
        withoutFdLeaks(async () => {
          using running = await startForegroundJob({ onHangUp: ":" });
          const { child, job } = running;
          if (stopped) {
            // First the shell, which would take the terminal back.
            await stop(child.pid);
            await stop(job);
          }
          child.hangUp();
          await until(() => !alive(job), 1000);
          assert(alive(child.pid));
        }),
    );
  }
});

/** Makes the kernel count on from a process id, as root of the machine may. */
function setLastPid(pid: number): boolean {
  try {
    Deno.writeTextFileSync("/proc/sys/kernel/ns_last_pid", String(pid), {
      create: false,
    });
    return true;
  } catch {
    return false;
  }
}

/** Hangs a child up, and gives the number of its job to a stranger. */
async function replaceJob(): Promise<{ child: Child; stranger: Child }> {
  for (;;) {
    const { child, job } = await startForegroundJob({ onHangUp: ":" });
    child.hangUp();
    await until(() => !exists(job), 1000);
    setLastPid(job - 1);
    const stranger = shell("echo ready; read x; exit 6", ON_TERMINAL);
    if (stranger.pid === job) return { child, stranger };
    // Somebody else was faster.
    child.close();
    stranger.close();
  }
}

Deno.test({
  name:
    "Child.killGroup() spares a stranger who has the number of the job that was in the foreground",
  ignore: !setLastPid(Deno.pid),
  async fn() {
    await withoutFdLeaks(async () => {
      const { child, stranger } = await replaceJob();
      using _child = child;
      using _stranger = stranger;
      await new TextReader(stranger.stdout).until(/ready/);
      child.killGroup("SIGKILL");
      assertEquals((await child.status).signal, "SIGKILL");
      await stranger.stdin.close();
      assertEquals(await stranger.status, { code: 6, signal: undefined });
    });
  },
});

Deno.test("Child.hangUp() sends only SIGHUP when there is no terminal", async () => {
  await withoutFdLeaks(async () => {
    using child = shell(`trap 'echo gone; exit 4' HUP; echo ready; ${IDLE}`);
    const output = new TextReader(child.stdout);
    await output.until(/ready\n/);
    child.hangUp();
    assertEquals(await output.rest(), "gone\n");
    assertEquals((await child.status).code, 4);
  });
});

Deno.test("Child.running tells of the child, and of the job that was in the foreground", async () => {
  await withoutFdLeaks(async () => {
    using started = await startForegroundJob();
    const { child, job } = started;
    assert(child.running);
    child.hangUp();
    libc().kill(child.pid, signalNumber("SIGKILL"));
    assertEquals((await child.status).signal, "SIGKILL");
    assert(alive(job));
    assert(child.running);
    child.killGroup("SIGKILL");
    await until(() => !alive(job), 1000);

    using other = shell("read x", ON_TERMINAL);
    assert(other.running);
    await other.stdin.close();
    await other.status;
    assert(!other.running);
  });
});

Deno.test("Child.resize() tells the job in the foreground when the size is another one", async () => {
  await withoutFdLeaks(async () => {
    using child = shell(
      `trap 'stty size' WINCH; echo ready; ${IDLE}`,
      ON_TERMINAL,
    );
    const output = new TextReader(child.stdout);
    await output.until(/ready\r\n/);
    child.resize({ rows: 50, cols: 132 });
    await output.until(/50 132\r\n/);
    child.resize({ rows: 65535, cols: 0 });
    await output.until(/65535 0\r\n/);
  });
});

Deno.test("Child.resize() throws when the size is out of range", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("read x", ON_TERMINAL);
    assertThrows(
      () => child.resize({ rows: 24, cols: 65536 }),
      RangeError,
      "65536",
    );
    child.killGroup("SIGKILL");
    await child.status;
  });
});

Deno.test("Child.resize() does nothing when there is no terminal", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("trap 'echo resized' WINCH; echo ready; read x");
    const output = new TextReader(child.stdout);
    await output.until(/ready\n/);
    child.resize({ rows: 50, cols: 132 });
    await child.stdin.close();
    assertEquals(await output.rest(), "");
    await child.status;
  });
});

Deno.test("Child.drain() ends the terminal's stream though a grandchild holds it", async () => {
  await withoutFdLeaks(async () => {
    // The kernel sends SIGHUP when the child exits.
    using child = shell("trap '' HUP; sleep 1000 & echo $!", ON_TERMINAL);
    const output = new TextReader(child.stdout);
    const [, grandchild] = await output.until(/(\d+)\r\n/);
    const rest = output.rest();
    assertEquals((await child.status).code, 0);
    assert(alive(Number(grandchild)));
    child.drain();
    assertEquals(await rest, "");
    child.killGroup("SIGKILL");
    await until(() => !alive(Number(grandchild)), 1000);
  });
});

Deno.test("Child.drain() ends the terminal's stream with what is there", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("trap '' HUP; sleep 1000 & seq 200", ON_TERMINAL);
    await child.status;
    child.drain();
    const lines = (await toText(child.stdout)).split("\r\n");
    assertEquals(lines.length, 201);
    child.killGroup("SIGKILL");
  });
});

Deno.test("Child.stdout ends when the child closes its terminal, which doesn't hang it up", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await new Deno.Command("mkfifo", { args: [`${folder}/go`] }).output();
    // Neither end waits for the other where one has both.
    using go = await Deno.open(`${folder}/go`, { read: true, write: true });
    await withoutFdLeaks(async () => {
      using child = shell(
        "exec </dev/null >/dev/null 2>&1; read code <go; exit $code",
        { cwd: folder, ...ON_TERMINAL },
      );
      assertEquals(await toText(child.stdout), "");
      await go.write(new TextEncoder().encode("5\n"));
      assertEquals(await child.status, { code: 5, signal: undefined });
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("Child.stdin types the end of the input when it is closed", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("stty -echo; echo ready; cat; echo done", ON_TERMINAL);
    const output = new TextReader(child.stdout);
    await output.until(/ready\r\n/);
    await type(child, "one\ntwo");
    await child.stdin.close();
    assertEquals(await output.rest(), "one\r\ntwodone\r\n");
    await child.status;
  });
});

Deno.test("Child.stdin waits for room in a terminal, and types everything in order", async () => {
  await withoutFdLeaks(async () => {
    const text = Array.from({ length: 100_000 }, (_, i) => `${i}\n`).join("");
    using child = shell(
      `stty raw -echo; echo ready; head -c ${text.length} | cksum`,
      ON_TERMINAL,
    );
    using reference = shell("cksum");
    const output = new TextReader(child.stdout);
    await output.until(/ready\n/);
    await Promise.all([type(child, text), type(reference, text)]);
    await reference.stdin.close();
    assertEquals(await output.rest(), await toText(reference.stdout));
    await Promise.all([child.status, reference.status]);
  });
});

Deno.test("Child.stdin gives a waiting write up when the terminal is hung up", async () => {
  await withoutFdLeaks(async () => {
    using child = shell(
      "stty raw; echo ready; read x <&-; sleep 1000",
      ON_TERMINAL,
    );
    const output = new TextReader(child.stdout);
    await output.until(/ready\n/);
    const waiting = type(child, "x".repeat(100_000));
    child.hangUp();
    await assertRejects(() => waiting);
    await child.status;
  });
});

Deno.test("Child.stdin can be closed when the child or its terminal is gone", async () => {
  await withoutFdLeaks(async () => {
    using child = shell("exit 3", ON_TERMINAL);
    assertEquals((await child.status).code, 3);
    await child.stdin.close();
    using other = shell("read x", ON_TERMINAL);
    other.hangUp();
    await other.stdin.close();
    await other.status;
  });
});
