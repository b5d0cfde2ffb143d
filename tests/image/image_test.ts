import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  AgentError,
  ConnectionError,
  output,
  type RemoteProcess,
  reseed,
  spawn,
  type Target,
  waitForAgent,
} from "../../client/mod.ts";
import { bounded, within } from "../_bounded.ts";
import { randomBytes, text } from "../_wire.ts";
import { Guest } from "../vm/_guest.ts";
import { sh, trySh } from "../vm/_shell.ts";
import { imageFiles } from "./_image.ts";
import { Unit } from "./_systemd.ts";

/** How long the whole of it may take, in milliseconds. */
const PATIENCE = 540_000;
const BOOT_TIMEOUT = 120_000;
/** How long systemd may take to start the agent again, in milliseconds. */
const RESTART_TIMEOUT = 60_000;
/** How long the guest may take to power itself off, in milliseconds. */
const POWEROFF_TIMEOUT = 60_000;

const OBSERVER_PORT = 1025;
const RESTRICTED =
  "/usr/share/doc/cocoon-agent/examples/cocoon-agent-restricted.conf";
const DROP_IN = "/etc/systemd/system/cocoon-agent.service.d/restricted.conf";

Deno.test(
  "The package and the units do their work in a Debian guest",
  bounded(async (t) => {
    using files = await imageFiles();
    await using guest = await Guest.boot(files, BOOT_TIMEOUT);
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

    await t.step("kill -9 leaves no command, and it comes back", async () => {
      const killed = await unit.mainPid();
      await using process = await startCommand(
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
    });

    await t.step("systemctl stop ends the commands, and start", async () => {
      await using polite = await startCommand(
        target,
        "trap 'echo TERM >/run/polite; exit 5' TERM; echo ready; sleep 1000 & wait",
      );
      await using stubborn = await startCommand(
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
      await showScore(t, unit);
      await assertReseeds(target, observer);
      await sh(observer, 'rm "$1"; systemctl daemon-reload', DROP_IN);
      await unit.control("restart");
      assertEquals(await guest.sh("echo again"), "again");
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

/** Starts a shell script, and waits until it says that it is ready. */
async function startCommand(
  target: Target,
  script: string,
): Promise<RemoteProcess> {
  const process = await spawn(target, ["sh", "-c", script], {
    stdin: "null",
    stderr: "null",
  });
  const reader = process.stdout.getReader();
  const { value } = await within(reader.read(), "the command");
  assertEquals(text(value!), "ready\n");
  reader.releaseLock();
  // What else it writes must not hold its status up.
  await process.stdout.cancel();
  return process;
}

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
