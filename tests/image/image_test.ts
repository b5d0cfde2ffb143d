import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  AgentError,
  ConnectionError,
  info,
  output,
  reseed,
  spawn,
  type Target,
  waitForAgent,
} from "../../client/mod.ts";
import { until, within } from "../_bounded.ts";
import { randomBytes, text } from "../_wire.ts";
import { Guest, withGuests } from "../vm/_guest.ts";
import { sh, startReady, trySh } from "../vm/_shell.ts";
import { imageFiles } from "./_image.ts";
import { Unit } from "./_systemd.ts";

/** How long the whole of it may take, in milliseconds. */
const PATIENCE = 540_000;
const BOOT_TIMEOUT = 120_000;
/**
 * What systemd says on the console when the vsock driver is there. That the agent
 * has started it doesn't say where a login prompt was faster: that has the console.
 */
const STARTING = "Starting cocoon-agent.service";
/** How long systemd may take to start the agent again, in milliseconds. */
const RESTART_TIMEOUT = 60_000;
/** How long the guest may take to power itself off, in milliseconds. */
const POWEROFF_TIMEOUT = 60_000;

const OBSERVER_PORT = 1025;
const RESTRICTED =
  "/usr/share/doc/cocoon-agent/examples/cocoon-agent-restricted.conf";
const DROP_IN = "/etc/systemd/system/cocoon-agent.service.d/restricted.conf";

const POLICY_FILE = "/etc/cocoon-agent/policy.json";
const POLICY = JSON.stringify({
  version: 1,
  rules: [{ effect: "deny", programs: ["id"] }],
});
const WITH_POLICY = `[Service]
ExecStart=
ExecStart=/usr/bin/cocoon-agent serve --policy ${POLICY_FILE} --audit-file /var/log/cocoon-agent/audit.jsonl
`;

Deno.test(
  "The package and the units do their work in a Debian guest",
  withGuests(async (t) => {
    using files = await imageFiles();
    await using guest = await Guest.boot(files, STARTING, BOOT_TIMEOUT);
    const { target } = guest;
    // What happens to the agent is seen through another one.
    const observer = { ...target, port: OBSERVER_PORT };
    const unit = new Unit("cocoon-agent.service", observer);

    await t.step("systemd boots without a failure", async () => {
      const state = await trySh(target, "systemctl is-system-running --wait");
      const failed = await guest.sh("systemctl list-units --failed --plain");
      assertEquals(text(state.stdout), "running\n", failed);
      await guest.sh(
        `systemd-run --quiet --unit=observer \
          /usr/bin/cocoon-agent serve --port ${OBSERVER_PORT}`,
      );
      await waitForAgent(observer, RESTART_TIMEOUT);
    });

    await t.step("the unit is active and has notified", async () => {
      assertEquals(
        await unit.show(
          ...["ActiveState", "SubState", "Type", "StatusText", "NRestarts"],
        ),
        {
          ActiveState: "active",
          SubState: "running",
          Type: "notify",
          StatusText: "Listening on vsock port 1024",
          NRestarts: "0",
        },
      );
      assertEquals(await unit.processes(), [await unit.mainPid()]);
    });

    await t.step("systemd scores its sandbox", async (t) => {
      await showScore(t, unit);
    });

    await t.step(
      "its cgroup is delegated, and sessions have theirs",
      async () => {
        const { containment, controllers } = (await info(target))!;
        assertEquals([containment, controllers], [
          "cgroup",
          ["cpu", "memory", "pids"],
        ]);
        assertEquals((await info(observer))!.containment, "process_group");
        assertEquals(await unit.groups(), ["agent"]);
        const { signal, usage } = await output(
          target,
          ["sh", "-c", "(x=a; while :; do x=$x$x; done); exit 0"],
          { limits: { memory: 32 * 2 ** 20 } },
        );
        assertEquals(signal, "SIGKILL");
        assertGreater(usage!.oomKills!, 0);
        await using process = await startReady(
          target,
          "setsid sleep 1000 & echo ready; exec sleep 1000",
        );
        assertEquals((await unit.groups()).length, 2);
        await process[Symbol.asyncDispose]();
        await until(
          async () => (await unit.processes()).length === 1,
          "the end of all but the agent",
        );
        await until(
          async () => (await unit.groups()).length === 1,
          "the end of the session's cgroup",
        );
      },
    );

    await t.step("the journal has the record of a command", async () => {
      const argv = ["echo", crypto.randomUUID()];
      await output(target, argv);
      const { priority, identifier, record } = await unit.commandRecord(
        (command) => command === argv.join(" "),
      );
      assertEquals([priority, identifier], ["6", "cocoon-agent"]);
      assertEquals(record["kind"], "exec");
      assertEquals(record["argv"], argv);
      assertEquals(record["exitCode"], 0);
      assertEquals(record["stdoutBytes"], argv[1]!.length + 1);
      assertMatch(`${record["peer"]}`, /^vsock 2:\d+$/);
      // What it took of the machine, as its cgroup counts it.
      assertMatch(
        `${record["cpuMs"]} ${record["peakMemoryBytes"]} ${record["oomKills"]}`,
        /^\d+ \d+ 0$/,
      );
    });

    await t.step("and whole, however long the command is", async () => {
      // Were it split, one of the three would make an emergency of it.
      for (const start of ["", "x", "xx"]) {
        await output(target, ["true", start + "<0>".repeat(20_000)]);
        const { priority, record } = await unit.commandRecord(
          (command) => command.startsWith(`true ${start}<`),
        );
        assertEquals([priority, record["exitCode"]], ["6", 0]);
      }
      const urgent = await guest.sh(
        "journalctl --unit=cocoon-agent --priority=0..3 --output=cat | wc -l",
      );
      assertEquals(urgent, "0");
    });

    await t.step(
      "a shell runs as another user, on a terminal of its own",
      async () => {
        await guest.sh(
          "useradd --create-home --groups adm --shell /bin/bash ada",
        );
        await using shell = await spawn(target, ["sh"], {
          tty: { rows: 30, cols: 100, term: "vt100" },
          user: "ada",
          cwd: "/home/ada",
        });
        const keys = new Blob([
          "id --name --user; id --name --groups; pwd; echo $HOME $SHELL $TERM\n",
          "stty size; stat --format=%U $(tty); exit 9\n",
        ]);
        keys.stream().pipeTo(shell.stdin).catch(() => {});
        const screen = await new Response(shell.stdout).text();
        assertEquals((await shell.status).code, 9);
        for (
          const line of [
            ...["ada", "ada adm", "/home/ada", "/home/ada /bin/bash vt100"],
            ...["30 100", "ada"],
          ]
        ) {
          assertStringIncludes(screen, `${line}\r\n`);
        }
        await guest.sh("userdel --remove ada");
      },
    );

    await t.step(
      "systemctl reload makes it read its policy again",
      async () => {
        await sh(
          observer,
          'mkdir -p /etc/cocoon-agent "${2%/*}"; printf %s "$1" >"$3"; printf %s "$4" >"$2"; systemctl daemon-reload',
          ...[POLICY, DROP_IN, POLICY_FILE, WITH_POLICY],
        );
        await unit.control("restart");
        await assertRejects(
          () => output(target, ["id"]),
          AgentError,
          "denies it",
        );
        const pid = await unit.mainPid();
        await sh(observer, 'sed -i s/deny/allow/ "$1"', POLICY_FILE);
        await unit.control("reload");
        // The signal may come after the reload.
        await until(
          () => output(target, ["id"]).then(() => true, () => false),
          "the new policy",
        );
        assertEquals(await unit.mainPid(), pid);
        assertEquals(
          await sh(
            observer,
            "cd /var/log/cocoon-agent; stat -c '%a %U %n' . *",
          ),
          "700 root .\n600 root audit.jsonl",
        );
        const last = await sh(observer, "tail -n 1 /var/log/cocoon-agent/*");
        assertEquals(JSON.parse(last).rule, "rules[0]");
        await sh(observer, 'rm "$1"; systemctl daemon-reload', DROP_IN);
        await unit.control("restart");
        assertEquals(await guest.sh("echo again"), "again");
      },
    );

    await t.step("kill -9 leaves no command, and it comes back", async () => {
      const killed = await unit.mainPid();
      await using process = await startReady(
        target,
        "setsid sleep 1000 & echo ready; exec sleep 1000",
      );
      assertEquals((await unit.processes()).length, 3);
      await sh(observer, 'kill -KILL "$1"', String(killed));
      await assertRejects(
        () => within(process.status, "the end of the session"),
        ConnectionError,
      );
      await waitForAgent(target, RESTART_TIMEOUT);
      const { MainPID, NRestarts } = await unit.show("MainPID", "NRestarts");
      assert(Number(MainPID) !== killed);
      assertEquals(NRestarts, "1");
      assertEquals(await unit.processes(), [Number(MainPID)]);
      assertEquals(await unit.groups(), ["agent"]);
    });

    await t.step("systemctl stop ends the commands, and start", async () => {
      await using polite = await startReady(
        target,
        "trap 'echo TERM >/run/polite; exit 5' TERM; echo ready; sleep 1000 & wait",
      );
      await using stubborn = await startReady(
        target,
        "trap '' TERM; echo ready; exec sleep 1000",
      );
      await unit.control("stop");
      assertEquals(await sh(observer, "cat /run/polite"), "TERM");
      assertEquals((await polite.status).code, 5);
      assertEquals((await stubborn.status).signal, "SIGKILL");
      assertEquals(
        await unit.show("ActiveState", "Result", "ControlGroup"),
        { ActiveState: "inactive", Result: "success", ControlGroup: "" },
      );
      await unit.control("start");
      assertEquals(await guest.sh("echo again"), "again");
    });

    await t.step("reseed renews what a clone must not share", async () => {
      await assertReseeds(target, observer);
    });

    await t.step("the restricted drop-in lets few commands run", async (t) => {
      await sh(
        observer,
        'install -D -m 644 "$1" "$2"; systemctl daemon-reload',
        RESTRICTED,
        DROP_IN,
      );
      await unit.control("restart");
      await assertGrants(target, unit);
      const { containment, landlockAbi } = (await info(target))!;
      assertEquals(containment, "cgroup");
      assert(landlockAbi, "It isn't confined");
      await showScore(t, unit);
      await assertReseeds(target, observer);
      await sh(observer, 'rm "$1"; systemctl daemon-reload', DROP_IN);
      await unit.control("restart");
      assertEquals(await guest.sh("echo again"), "again");
    });

    await t.step("the kernel holds what a granted shell executes", async () => {
      const command = "/usr/bin/cocoon-agent serve --confine --allow-run=sh";
      await sh(
        observer,
        'echo "[Service]\nExecStart=\nExecStart=$1" >"$2"; systemctl daemon-reload',
        command,
        DROP_IN,
      );
      await unit.control("restart");
      await assertConfined(target);
      await sh(observer, 'rm "$1"; systemctl daemon-reload', DROP_IN);
      await unit.control("restart");
      assertStringIncludes(await guest.sh("/usr/bin/id"), "uid=0");
    });

    await t.step("so does the source under Deno's own grants", async () => {
      const source = new Unit("cocoon-agent-deno.service", observer);
      await source.control("start");
      assertEquals((await unit.show("ActiveState")).ActiveState, "inactive");
      assertEquals(
        await source.show("ActiveState", "SubState", "StatusText"),
        {
          ActiveState: "active",
          SubState: "running",
          StatusText: "Listening on vsock port 1024",
        },
      );
      await assertGrants(target, source);
      assertEquals((await info(target))!.containment, "cgroup");
      await assertReseeds(target, observer);
      await unit.control("start");
      assertEquals((await source.show("ActiveState")).ActiveState, "inactive");
      assertEquals(await guest.sh("echo again"), "again");
    });

    await t.step("the guest powers itself off", async () => {
      // The command may end with the agent.
      await output(target, ["systemctl", "poweroff"]).catch((error) => {
        if (!(error instanceof ConnectionError)) throw error;
      });
      await within(guest.machine.ended, "the machine", POWEROFF_TIMEOUT);
      assertMatch(await guest.console(), /reboot: Power down\s*$/);
    });
  }, PATIENCE),
);

/** Checks that callers may run what the packaging grants, and nothing else. */
async function assertGrants(target: Target, unit: Unit): Promise<void> {
  const { stdout } = await output(target, ["uname", "-s"]);
  assertEquals(text(stdout), "Linux\n");
  assertEquals((await output(target, ["df", "/"])).code, 0);
  for (const program of ["id", "sh", "/usr/bin/id"]) {
    const error = await assertRejects(
      () => output(target, [program]),
      AgentError,
    );
    assertEquals(error.code, "denied", error.message);
  }
  const { record } = await unit.commandRecord(
    (command) => command === "/usr/bin/id",
  );
  assertEquals(record["errorCode"], "denied");
}

/** Checks that nothing but a shell may be executed, by whomever. */
async function assertConfined(target: Target): Promise<void> {
  // Debian 12 has the second one.
  assert((await info(target))!.landlockAbi! >= 2);
  const size = { rows: 24, cols: 80 };
  for (const options of [{}, { user: "nobody" }, { tty: size }]) {
    const run = (script: string) =>
      output(target, ["sh", "-c", `exec 2>&1; ${script}`], options);
    assertEquals((await run("sh -c 'echo hi'")).code, 0);
    const { code, stdout } = await run("/usr/bin/id");
    assertStringIncludes(text(stdout), "/usr/bin/id: Permission denied");
    assertEquals(code, 126);
  }
  const error = await assertRejects(() => output(target, ["id"]), AgentError);
  assertEquals(error.code, "denied");
}

/** Checks that a reseed renews the guest, seen through another agent. */
async function assertReseeds(target: Target, observer: Target): Promise<void> {
  const files = "/etc/machine-id /var/lib/dbus/machine-id";
  const plant = "echo seed >/var/lib/systemd/random-seed";
  const before = await sh(observer, `${plant}; cat ${files}`);
  await reseed(target, { entropy: randomBytes(512), regenMachineId: true });
  const after = await sh(
    observer,
    `cat ${files}; ls /var/lib/systemd/random-seed 2>&1 || true`,
  );
  const [id, copy, seed] = after.split("\n");
  assertMatch(id!, /^[0-9a-f]{32}$/);
  assertEquals(copy, id);
  assert(!before.includes(id!), before);
  assertMatch(seed!, /No such file/);
}

/** Has a unit's score shown, as the name of a step. */
async function showScore(t: Deno.TestContext, unit: Unit): Promise<void> {
  const line = await unit.exposure();
  await t.step(line, () => {
    const [, score] = line.match(/ level for \S+: (\d+\.\d)\b/) ?? [];
    assert(Number(score) > 0 && Number(score) <= 10, line);
  });
}
