import {
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { info, output } from "../../client/mod.ts";
import { until } from "../_bounded.ts";
import { bootFiles, Guest, withGuests } from "./_guest.ts";
import { startReady } from "./_shell.ts";

/** Where the agent's control groups are. */
const OWN = "/sys/fs/cgroup/cocoon-agent";
/** How many sessions leave a daemon behind. */
const DAEMONS = 100;
/** How many groups a command makes in its own. */
const WIDE = 3000;
/** How many of them the agent removes at most before others have their turn. */
const STEPS_A_TURN = 64;
/** How many groups a command makes in each other, with long names. */
const DEEP = 100;
/** How many groups a killed agent leaves. */
const LEFT = 500;

/** Where the kernel tells which system calls are made. */
const TRACE = "/sys/kernel/tracing";

/** Goes to the shell's own control group, once it has been moved there. */
const GO = `
  while grep -q '/agent$' /proc/self/cgroup; do :; done
  cd "/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)"`;

/** Starts what goes on when the command has ended. */
const DAEMON = "(setsid sleep 1000 </dev/null >/dev/null 2>&1 &)";

Deno.test(
  "Control groups that commands leave or make cost nobody else",
  withGuests(async (t) => {
    using files = await bootFiles();
    await using guest = await Guest.boot(files);
    const { target } = guest;

    /** Runs a script in its own control group, and returns the group's path. */
    async function inOwn(script: string): Promise<string> {
      return await guest.sh(`${GO}; pwd; { ${script}; } >/dev/null 2>&1`);
    }

    /** Waits until a folder is gone. */
    async function assertGone(path: string): Promise<void> {
      await until(
        async () => await guest.sh('[ -e "$1" ] || echo gone', path) === "gone",
        `the end of ${path}`,
      );
    }

    /** Waits until no session's group is left but the one that looks. */
    async function assertNoneLeft(): Promise<void> {
      await until(
        async () => await guest.sh(`ls -d ${OWN}/session-* | wc -l`) === "1",
        "the end of all sessions' groups",
      );
    }

    async function leaveDaemon(): Promise<void> {
      await guest.sh(DAEMON);
    }

    /** Counts how often the agent tries to remove a group. */
    async function removalsIn(action: () => Promise<void>): Promise<number> {
      const event = `${TRACE}/events/syscalls/sys_enter_rmdir/enable`;
      await guest.sh('echo >"$1/trace"; echo 1 >"$2"', TRACE, event);
      await action();
      return Number(
        await guest.sh(
          'echo 0 >"$2"; grep -c sys_rmdir "$1/trace" || true',
          TRACE,
          event,
        ),
      );
    }

    /** Kills the agent, and waits for the next one. */
    async function restart(): Promise<void> {
      const pid = await guest.sh("pidof cocoon-agent");
      await output(target, ["kill", "-KILL", pid]).catch(() => {});
      await until(
        async () =>
          await guest.sh("pidof cocoon-agent").catch(() => pid) !== pid,
        "the next agent",
      );
    }

    await t.step(
      "daemons left behind cost later sessions nothing",
      async () => {
        await guest.sh('mount -t tracefs trace "$1"', TRACE);
        const five = () => inTurn(5, leaveDaemon);
        const before = await removalsIn(five);
        assertGreater(before, 0);
        await inTurn(
          DAEMONS / 10,
          () => Promise.all(Array.from({ length: 10 }, leaveDaemon)),
        );
        // One that has just ended may be tried once more.
        assertLess(await removalsIn(five), 2 * before + 20);
        const killed = await removalsIn(async () => {
          await guest.sh("killall sleep");
          await assertNoneLeft();
        });
        // Not each time for all of them.
        assertLess(killed, 10 * DAEMONS);
      },
    );

    await t.step(
      "others are served while many groups are removed",
      async () => {
        const events = ["unlinkat", "epoll_wait"].map((call) =>
          `${TRACE}/events/syscalls/sys_enter_${call}/enable`
        );
        await guest.sh(
          `echo >${TRACE}/trace; for i; do echo 1 >"$i"; done`,
          ...events,
        );
        await assertGone(await inOwn(`seq ${WIDE} | xargs mkdir`));
        // How many there were, and how many at most without a look for events.
        const counts = await guest.sh(
          `for i; do echo 0 >"$i"; done
          awk '/sys_unlinkat/ { sum++; if (++run > most) most = run }
            /sys_epoll_wait/ { run = 0 } END { print sum, most }' ${TRACE}/trace`,
          ...events,
        );
        const [sum, most] = counts.split(" ").map(Number);
        assertGreater(sum!, WIDE / 2);
        assertLess(most!, 2 * STEPS_A_TURN);
      },
    );

    await t.step("deep ones, and those with any name, go as well", async () => {
      const group = await inOwn(`
        mkdir "$(printf '\\377')" threaded
        echo threaded >threaded/cgroup.type
        for i in $(seq ${DEEP}); do
          name=$(printf %0250d $i); mkdir $name; cd -P $name || exit
        done`);
      await assertGone(group);
    });

    await t.step("what is mounted on one stays as it is", async () => {
      await guest.sh("mkdir -p /tmp/kept/empty");
      const group = await inOwn("mkdir a; mount -o bind /tmp/kept a");
      await until(
        async () => (await guest.console()).includes(`below "${group}"`),
        "the warning",
      );
      assertEquals(await guest.sh("ls /tmp/kept"), "empty");
      await guest.sh('umount "$1/a"; rmdir "$1/a" "$1"', group);
    });

    await t.step("a command that freezes itself is killed", async () => {
      const command = await startReady(
        target,
        `${GO}; mkdir a b; echo 1 >a/cgroup.freeze; sleep 1000 & echo $! >a/cgroup.procs
        echo ready; echo 1 >cgroup.freeze; exec sleep 1000`,
      );
      await command[Symbol.asyncDispose]();
      await assertNoneLeft();
    });

    await t.step(
      "without watches they go when later sessions end",
      async () => {
        const limit = "/proc/sys/fs/inotify/max_user_watches";
        const before = await guest.sh(`cat ${limit}; echo 0 >${limit}`);
        const groups = await Promise.all([inOwn(DAEMON), inOwn(DAEMON)]);
        await guest.sh("killall sleep");
        for (const group of groups) await assertGone(group);
        assertStringIncludes(await guest.console(), "max_user_watches");
        await guest.sh(`echo $1 >${limit}`, before);
      },
    );

    await t.step("no two sessions share one after a restart", async () => {
      const names = [
        ...["9007199254740992", "9007199254740993", "Infinity", "1e3", "-1"],
        ...["0x10", "999999999999999", "1000000000000000", "9".repeat(240), ""],
      ];
      await guest.sh(
        `cd ${OWN}; for i; do mkdir "session-$i"; done; mkdir other "$(printf 'session-\\377')"`,
        ...names,
      );
      await restart();
      assertEquals((await info(target))!.containment, "cgroup");
      const groups = await Promise.all(
        Array.from(
          { length: 5 },
          () => guest.sh("sleep 0.5; cat /proc/self/cgroup"),
        ),
      );
      for (const group of groups) {
        assertMatch(group, /^0::\/cocoon-agent\/session-\d{1,15}$/);
      }
      assertEquals(new Set(groups).size, groups.length);
      await guest.sh(`rmdir ${OWN}/other`);
      await assertNoneLeft();
    });

    await t.step(
      "what a killed agent has left doesn't keep the next",
      async () => {
        // Each with a group below, and one with a process in it.
        await guest.sh(
          `cd ${OWN}; seq ${LEFT} | sed 's:.*:session-&/a:' | xargs mkdir -p
        setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >session-7/a/cgroup.procs`,
        );
        const pid = await guest.sh(`cat ${OWN}/session-7/a/cgroup.procs`);
        await restart();
        await assertGone(`${OWN}/session-7`);
        assertEquals((await guest.trySh("kill -0 $1", pid)).code, 1);
        await assertNoneLeft();
      },
    );
  }),
);

/** Does something several times, one after the other. */
async function inTurn(
  count: number,
  action: () => Promise<unknown>,
): Promise<void> {
  for (let done = 0; done < count; done++) await action();
}
