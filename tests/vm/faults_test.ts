import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertMatch,
  assertRejects,
} from "@std/assert";
import {
  AgentError,
  type HybridTarget,
  info,
  output,
  reseed,
  spawn,
  waitForAgent,
} from "../../client/mod.ts";
import { randomBytes, text } from "../_wire.ts";
import { DEFAULT_PORT } from "../../client/target.ts";
import { Canary } from "../faults/_canary.ts";
import { formatWaits } from "../faults/_waits.ts";
import { BOOT_TIMEOUT, bootFiles, Guest, withGuests } from "./_guest.ts";

/** The port of the agent whose log a test reads. */
const PORT = 2000;
const DAY = 24 * 60 * 60;
/** How long a command may take that clock jumps happen to, in milliseconds. */
const TIMEOUT = 5000;
/** What the others run. */
const OTHERS: ReadonlySet<unknown> = new Set(["true", "cat"]);
/** Longer than that, and far less than a day, in milliseconds. */
const LONG = 60_000;

/** Sets the clock forwards or, with a negative number, backwards by `$1` seconds. */
const JUMP = 'date -s "@$(($(date +%s) + $1))"';

/** Makes a small file system at `$1`, with what was there before in it, and fills it. */
const FILL = `
  mkdir -p "$1" /before
  cp -a "$1/." /before
  mount -t tmpfs -o size=64k tmpfs "$1"
  cp -a /before/. "$1"
  rm -r /before
  dd if=/dev/zero of="$1/filling" 2>/dev/null
  # Not even the last piece of a block is left.
  ! echo full >"$1/more" 2>/dev/null`;

/** Starts an agent in a folder of the guest, with its log in a file. */
async function startAgent(
  guest: Guest,
  folder: string,
  log: string,
): Promise<HybridTarget> {
  const target = { ...guest.target, port: PORT };
  await guest.sh(
    'cd "$2" && setsid cocoon-agent serve --port $1 </dev/null >/dev/null 2>"$3" &',
    ...[`${PORT}`, folder, log],
  );
  await waitForAgent(target, BOOT_TIMEOUT);
  return target;
}

/** Has others served beside a fault, and says how long they waited. */
async function besideOthers(
  guest: Guest,
  port: number,
  fault: () => Promise<void>,
): Promise<void> {
  await using canary = await Canary.start(guest.target.uds, port);
  await fault();
  const { commands, echoes } = await canary.stop();
  console.log(
    `The others waited ${formatWaits(commands)} for a command, ${
      formatWaits(echoes)
    } for an echo`,
  );
}

Deno.test(
  "An agent in a guest counts time on, whatever happens to the clock",
  withGuests(async (t) => {
    using files = await bootFiles();
    await using guest = await Guest.boot(files);
    const agent = await startAgent(guest, "/", "/log");
    const { uptimeMs } = (await info(agent))!;
    const jump = (seconds: number) => guest.sh(JUMP, `${seconds}`);
    const date = async () => Number(await guest.sh("date +%s"));

    for (const seconds of [DAY, -2 * DAY]) {
      await t.step(
        `so that a command has its time when it jumps by ${seconds} s`,
        () =>
          besideOthers(guest, PORT, async () => {
            const argv = ["sh", "-c", "echo ready; exec sleep 60"];
            const start = performance.now();
            await using process = await spawn(agent, argv, {
              timeout: TIMEOUT,
            });
            const reader = process.stdout.getReader();
            assert((await reader.read()).value);
            const before = await date();
            await jump(seconds);
            // Or this would prove nothing.
            assertLess(Math.abs(await date() - before - seconds), LONG / 1000);
            await reader.cancel().catch(() => {});
            const { signal, timedOut } = await process.status;
            const time = performance.now() - start;
            assertEquals([signal, timedOut], ["SIGTERM", true]);
            // A timer of a machine without a processor of its own is no precise one.
            assertGreaterOrEqual(time, TIMEOUT * 0.9);
            assertLess(time, LONG);
          }),
      );
    }

    await t.step("and sets a later command on its way", async () => {
      await jump(-DAY);
      const { code, stdout } = await output(agent, ["echo", "on"], {
        timeout: LONG,
      });
      assertEquals([code, text(stdout)], [0, "on\n"]);
    });

    await t.step("and says in its log how long each took", async () => {
      const records = (await guest.sh("cat /log")).split("\n")
        .map((line) => JSON.parse(line))
        .filter(({ event, argv }) =>
          event === "end" && argv && !OTHERS.has(argv[0])
        );
      // A client that has read the exit may be gone before the agent knows it.
      assertEquals(
        records.map(({ argv, timedOut, lost }) =>
          argv[0] === "sh" && (timedOut ?? lost ?? false)
        ),
        [true, true, false],
      );
      for (const { durationMs, timedOut } of records) {
        assertGreaterOrEqual(durationMs, timedOut ? TIMEOUT * 0.9 : 0);
        assertLess(durationMs, LONG);
      }
      const { uptimeMs: now } = (await info(agent))!;
      assertGreaterOrEqual(now, uptimeMs + TIMEOUT);
      assertLess(now, uptimeMs + 10 * LONG);
    });
  }),
);

Deno.test(
  "An agent in a guest serves on when disks are full",
  withGuests(async (t) => {
    using files = await bootFiles();
    await using guest = await Guest.boot(files);

    await t.step(
      "on which a command writes, which sees it",
      () =>
        besideOthers(guest, DEFAULT_PORT, async () => {
          await guest.sh(FILL, "/full");
          const write = "echo more >>/full/filling";
          for (let i = 0; i < 5; i++) {
            const { code, stderr } = await guest.trySh(write);
            assertEquals(code, 1);
            assertMatch(text(stderr), /No space left/);
          }
        }),
    );

    await t.step("on which it was started, and has its log", async () => {
      const agent = await startAgent(guest, "/full", "/full/log");
      for (let i = 0; i < 3; i++) {
        const { code, stdout } = await output(agent, ["pwd"]);
        assertEquals([code, text(stdout)], [0, "/full\n"]);
      }
    });

    await t.step("where temporary files are", async () => {
      await guest.sh(FILL, "/tmp");
      assertEquals(await guest.sh("echo on"), "on");
    });

    await t.step("and leaves the machine id alone then", async () => {
      await guest.sh("umount /tmp");
      const id = "0123456789abcdef0123456789abcdef";
      await guest.sh("echo $1 >/etc/machine-id", id);
      await guest.sh(FILL, "/etc");
      const renew = () =>
        reseed(guest.target, {
          entropy: randomBytes(512),
          regenMachineId: true,
        });
      const error = await assertRejects(renew, AgentError);
      assertMatch(
        error.message,
        /^Cannot reseed: regenerate the machine id: .*No space left/,
      );
      assertEquals(await guest.sh("cat /etc/machine-id*"), id);
      await guest.sh("rm /etc/filling");
      await renew();
      assertMatch(
        await guest.sh("cat /etc/machine-id*"),
        /^(?!0123456789abcdef)[0-9a-f]{32}$/,
      );
    });
  }),
);
