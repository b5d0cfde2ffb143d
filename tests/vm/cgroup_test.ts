import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { runClient } from "../_client.ts";
import { AgentError, info, output, spawn } from "../../client/mod.ts";
import { libc } from "../../ffi/libc.ts";
import { until, within } from "../_bounded.ts";
import { text } from "../_wire.ts";
import {
  bootFiles,
  Guest,
  type GuestTestContext,
  withGuests,
} from "./_guest.ts";
import { getNewerLibc } from "./_newer_libc.ts";
import { PROGRAM } from "./_second_agent.ts";
import { startReady } from "./_shell.ts";

const MIB = 2 ** 20;
/** How long all of it may take, in milliseconds. */
const PATIENCE = 300_000;
/** Where an agent's control groups are that no systemd starts. */
const OWN = "/sys/fs/cgroup/cocoon-agent";

/** The folder of a shell's own control group. */
const CGROUP = "/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)";

/** Waits until it has been moved there, which takes a moment after the start. */
const ARRIVE = `while grep -q '/agent$' /proc/self/cgroup; do :; done`;

/** Waits until its processor time is limited, which is done last. */
const SLOW_DOWN =
  `${ARRIVE}; while grep -q '^max' "${CGROUP}/cpu.max"; do :; done`;

/** Takes more and more memory in a process of its own. */
const EAT = "(x=a; while :; do x=$x$x; done); exit 0";

/** Leaves two processes of other sessions and groups than its own, and says so. */
const ESCAPE = `
  setsid sh -c 'echo $$ >/tmp/$0.setsid; exec sleep 1000' "$1" </dev/null >/dev/null 2>&1 &
  ( setsid sh -c 'sleep 1000 & echo $! >/tmp/$0.double' "$1" & ) </dev/null >/dev/null 2>&1
  while [ ! -s /tmp/$1.setsid ] || [ ! -s /tmp/$1.double ]; do usleep 10000; done
  echo ready`;

/** Whether this machine's C library starts processes in control groups. */
const canStartInCgroup = libc().posix_spawnattr_setcgroup_np !== null;

Deno.test(
  "The agent holds what a command starts together in a guest",
  withGuests(
    (t) => holdsTogether(t, {}, canStartInCgroup ? "started there" : "moved"),
    PATIENCE,
  ),
);

Deno.test({
  name:
    "The agent holds what a command starts together in a guest with glibc 2.39 or newer",
  // It was checked above.
  ignore: canStartInCgroup,
  fn: withGuests(
    async (t) => await holdsTogether(t, await getNewerLibc(), "started there"),
    PATIENCE,
  ),
});

/**
 * Checks it in one guest.
 *
 * @param t The test.
 * @param library What is in the place of this machine's C library.
 * @param way How commands get into their cgroups.
 */
async function holdsTogether(
  t: GuestTestContext,
  library: Readonly<Record<string, string>>,
  way: "moved" | "started there",
): Promise<void> {
  using files = await bootFiles({ files: library });
  await using guest = await Guest.boot(files);
  const { target } = guest;

  async function sessions(): Promise<string[]> {
    const names = await guest.sh(`ls -d ${OWN}/session-*/`);
    return names.split("\n");
  }

  /** Waits until no session's group is left but the one that looks. */
  async function assertNoneLeft(): Promise<void> {
    await until(
      async () => (await sessions()).length === 1,
      "the end of all sessions' groups",
    );
  }

  /** Whether those run whom a script has noted by {@linkcode ESCAPE}. */
  async function escaped(name: string): Promise<number> {
    const script =
      "for pid in $(cat /tmp/$1.*); do kill -0 $pid 2>/dev/null && echo $pid; done; true";
    const pids = await guest.sh(script, name);
    return pids === "" ? 0 : pids.split("\n").length;
  }

  await t.step("in cgroups with all controllers, as info says", async () => {
    const facts = await info(target);
    assertEquals(facts!.containment, "cgroup");
    assertEquals(facts!.controllers, ["cpu", "memory", "pids"]);
    assert(facts!.features.includes("limits"));
    assert(facts!.features.includes("usage"));
    assertStringIncludes(
      await guest.console(),
      "containment: cgroups (limits: cpu, memory, pids)",
    );
    const [own, group] = (await guest.sh(
      "cat /proc/$(pidof cocoon-agent)/cgroup /proc/self/cgroup",
    )).split("\n");
    assertEquals(own, "0::/cocoon-agent/agent");
    assertMatch(group!, /^0::\/cocoon-agent\/session-\d+$/);
    await assertNoneLeft();
  });

  await t.step(`in which commands are ${way}`, async () => {
    const trace = "/sys/kernel/tracing";
    const event = `${trace}/events/cgroup/cgroup_attach_task/enable`;
    await guest.sh(
      'mount -t tracefs trace "$1" && echo 1 >"$2"',
      trace,
      event,
    );
    const { stdout } = await output(target, ["cat", "/proc/self/cgroup"]);
    const group = text(stdout).trim().replace("0::", "dst_path=");
    const moves = await guest.sh('cat "$1/trace"; echo 0 >"$2"', trace, event);
    assertEquals(moves.includes(group), way === "moved");
  });

  await t.step("and leave no descriptor behind", async () => {
    const count = 'ls "/proc/$(pidof cocoon-agent)/fd" | wc -l';
    const before = await guest.sh(count);
    for (let index = 0; index < 5; index++) await guest.sh("true");
    await assertRejects(() => output(target, ["/nothing"]), AgentError);
    assertEquals(await guest.sh(count), before);
  });

  await t.step("a lost client's daemons are killed as well", async () => {
    const process = await startReady(target, `${ESCAPE}; exec sleep 1000`, [
      "lost",
    ]);
    assertEquals(await escaped("lost"), 2);
    await process[Symbol.asyncDispose]();
    await until(
      async () => await escaped("lost") === 0,
      "the end of the daemons",
    );
    await assertNoneLeft();
  });

  await t.step("those on a terminal too, after the hang-up", async () => {
    const shell = await spawn(
      target,
      ["sh", "-c", `${ESCAPE}; exec sleep 1000`, "sh", "hung"],
      { tty: { rows: 24, cols: 80 } },
    );
    await until(
      async () => await guest.sh("ls /tmp | grep -c hung || true") === "2",
      "the daemons",
    );
    await shell[Symbol.asyncDispose]();
    await until(
      async () => await escaped("hung") === 0,
      "the end of the daemons",
    );
    await assertNoneLeft();
  });

  await t.step("and those of a command whose time is up", async () => {
    await using process = await startReady(
      target,
      `trap '' TERM; ${ESCAPE}; exec sleep 1000`,
      ["late"],
      { timeout: 3000 },
    );
    const { timedOut, signal } = await within(process.status, "the end");
    assertEquals([timedOut, signal], [true, "SIGKILL"]);
    await until(
      async () => await escaped("late") === 0,
      "the end of the daemons",
    );
    await assertNoneLeft();
  });

  await t.step("a daemon left behind on purpose lives on", async () => {
    const before = (await sessions()).length;
    await using process = await startReady(target, ESCAPE, ["kept"]);
    assertEquals((await process.status).code, 0);
    assertEquals(await escaped("kept"), 2);
    assertEquals((await sessions()).length, before + 1);
    await guest.sh("kill $(cat /tmp/kept.*)");
    // The kernel tells when the last one has ended.
    await assertNoneLeft();
  });

  await t.step("nobody gets out while a command is started", async () => {
    const strays = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const script = `
            (setsid sleep 1000 </dev/null >/dev/null 2>&1 &)
            (setsid sleep 1000 </dev/null >/dev/null 2>&1 &)
            ${ARRIVE}; cat /proc/self/cgroup; exit $1`;
        const argv = ["sh", "-c", script, "sh", `${index}`];
        const { code, stdout } = await output(target, argv);
        assertEquals(code, index);
        const path = text(stdout).trim().replace("0::", "/sys/fs/cgroup");
        return await guest.sh('wc -l <"$1/cgroup.procs"', path);
      }),
    );
    assertEquals(strays, strays.map(() => "2"));
    assertEquals(
      await guest.sh(`${ARRIVE}; wc -l <${OWN}/agent/cgroup.procs`),
      "1",
    );
    await guest.sh("killall sleep");
    await assertNoneLeft();
  });

  await t.step("a command runs out of memory, and nobody else", async () => {
    await using other = await startReady(
      target,
      "echo ready; exec sleep 1000",
      [],
    );
    const client = await runClient([
      ...["--uds", target.uds, "--memory", "16M"],
      ...["--", "sh", "-c", EAT],
    ]);
    assertEquals(client.code, 137);
    assertMatch(
      client.stderr,
      /"sh" ran out of memory \(limit 16M\): the kernel killed \d+ of its processes\n$/,
    );
    const { signal, usage } = await output(
      target,
      ["sh", "-c", EAT],
      { limits: { memory: 16 * MIB } },
    );
    // Not the one that took the memory alone.
    assertEquals(signal, "SIGKILL");
    // The shell, and the one that took the memory.
    assertEquals(usage!.oomKills, 2);
    assertGreater(usage!.peakMemoryBytes!, 8 * MIB);
    assertLess(usage!.peakMemoryBytes!, 17 * MIB);
    await guest.sh('kill -0 "$1"', `${other.pid}`);
    await other[Symbol.asyncDispose]();
    await assertNoneLeft();
  });

  await t.step(
    "a fork bomb ends at its limit, and others go on",
    async () => {
      const bomb = "b() { b | b & }; echo ready; b; exec sleep 1000";
      await using process = await startReady(target, bomb, [], {
        limits: { pids: 40 },
      });
      await until(
        async () =>
          Number(
            (await guest.sh(`cat ${OWN}/session-*/pids.events`)).match(
              /[1-9]/,
            ),
          ) > 0,
        "the limit",
      );
      assertEquals(await guest.sh("echo $((6 * 7))"), "42");
      assertEquals(
        await guest.sh(`${ARRIVE}; wc -l <${OWN}/agent/cgroup.procs`),
        "1",
      );
      await process[Symbol.asyncDispose]();
      await assertNoneLeft();
    },
  );

  await t.step("the processor's time is shared out by a limit", async () => {
    const script = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done";
    const start = performance.now();
    const { usage } = await output(target, ["sh", "-c", script], {
      limits: { cpu: 0.2 },
    });
    const duration = performance.now() - start;
    assertGreater(usage!.cpuMs, 20);
    // It may begin with a period's worth.
    assertGreater(duration, (usage!.cpuMs - 20) / 0.2 * 0.8);
    assertEquals(usage!.oomKills, 0);
    const cpu = await output(
      target,
      ["sh", "-c", `${SLOW_DOWN}; cat "${CGROUP}/cpu.max"`],
      {
        limits: { cpu: 0.5 },
      },
    );
    assertEquals(text(cpu.stdout), "50000 100000\n");
  });

  await t.step("usage counts what a command starts", async () => {
    const script = "(i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done) & wait";
    const { usage } = await output(target, ["sh", "-c", script]);
    assertGreater(usage!.cpuMs, 20);
    assertGreater(usage!.peakMemoryBytes!, 100_000);
    // It isn't asked for by others, and they aren't told.
    using wire = await guest.open({ type: "exec", argv: ["true"] });
    assertEquals((await wire.readSession()).end, { type: "exit" });
  });

  await t.step("a limit too small to start with ends no agent", async () => {
    const pid = await guest.sh("pidof cocoon-agent");
    for (const memory of [4096, 65_536]) {
      await output(target, ["true"], { limits: { memory } }).catch((error) =>
        assertInstanceOf(error, AgentError)
      );
    }
    assertEquals(await guest.sh("pidof cocoon-agent"), pid);
    await assertNoneLeft();
  });

  await t.step("a killed agent leaves nothing", async () => {
    await using lost = await startReady(target, `${ESCAPE}; exec sleep 1000`, [
      "orphan",
    ]);
    await using done = await startReady(target, ESCAPE, ["daemon"]);
    await done.status;
    const pid = await guest.sh("pidof cocoon-agent");
    // Its own command goes with it, and the answer too.
    await output(target, ["kill", "-KILL", pid]).catch(() => {});
    await lost.status.catch(() => {});
    await until(
      async () => await guest.sh("pidof cocoon-agent").catch(() => pid) !== pid,
      "the next agent",
    );
    await until(
      async () => await escaped("orphan") + await escaped("daemon") === 0,
      "the end of what was left",
    );
    await assertNoneLeft();
  });

  await t.step("a second agent without a cgroup says so", async () => {
    await using second = await spawn(target, [
      ...[PROGRAM, "serve", "--listen", "unix:/tmp/second.sock"],
      ...["--pids", "10"],
    ]);
    assertEquals((await second.status).code, 1);
    const words = await new Response(second.stderr).text();
    assertStringIncludes(words, "a command's pids cannot be limited here");
    await assertNoneLeft();
  });
}

Deno.test(
  "serve's limits are what commands get, and the most they may ask for",
  withGuests(async () => {
    using inittab = new Inittab("--memory 32M --pids 20 --cpu 0.5");
    using files = await bootFiles({ files: { "/etc/inittab": inittab.path } });
    await using guest = await Guest.boot(files);
    const script =
      `${SLOW_DOWN}; cd "${CGROUP}"; cat memory.max memory.swap.max pids.max cpu.max`;
    assertEquals(
      await guest.sh(`${script} 2>/dev/null || true`),
      `${32 * MIB}\n0\n20\n50000 100000`,
    );
    const { stdout } = await output(guest.target, ["sh", "-c", script], {
      limits: { memory: 16 * MIB, pids: 10 },
    });
    assertEquals(text(stdout), `${16 * MIB}\n0\n10\n50000 100000\n`);
    for (const limits of [{ memory: 33 * MIB }, { pids: 21 }, { cpu: 1 }]) {
      const error = await assertRejects(
        () => output(guest.target, ["true"], { limits }),
        AgentError,
        "this agent gives",
      );
      assertEquals(error.code, "denied");
    }
  }),
);

/** A guest's inittab that starts the agent with more flags. */
class Inittab implements Disposable {
  readonly path = Deno.makeTempFileSync();

  constructor(flags: string) {
    Deno.writeTextFileSync(this.path, `::respawn:${PROGRAM} serve ${flags}\n`);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path);
  }
}
