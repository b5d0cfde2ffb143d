import { assertEquals, assertMatch } from "@std/assert";
import { until } from "../_bounded.ts";
import { type Client, runClient, startClient } from "../_client.ts";
import { BOOT_TIMEOUT, bootFiles, Guest, withGuests } from "./_guest.ts";

const BROKEN =
  "cocoon-agent: The connection to the agent broke before the command ended\n";

Deno.test(
  "client reaches a guest, or says why not in time",
  withGuests(async (t) => {
    using files = await bootFiles();
    await t.step("before there is a machine", async () => {
      const { code, stderr } = await runClient(
        ["--uds", "/nonexistent/vm.sock", "--", "true"],
      );
      assertEquals(code, 125);
      assertMatch(
        stderr,
        /^cocoon-agent: Cannot reach the agent at port 1024 behind ".*": Cannot connect to .*: No such file or directory \(ENOENT\)\n$/,
      );
    });

    // With --wait, from before the machine is started.
    await using guest = await Guest.reach(files, {}, async ({ uds }) => {
      const start = performance.now();
      await using waiting = startClient(
        ["--uds", uds, "--wait", "60s", "--", "cat", "/proc/uptime"],
      );
      const { code, stdout, stderr } = await waiting.output(BOOT_TIMEOUT);
      assertEquals([code, stderr], [0, ""]);
      assertMatch(stdout, /^\d+\.\d+ /);
      const seconds = (performance.now() - start) / 1000;
      console.log(
        `First exec ${
          seconds.toFixed(1)
        } s after the start of QEMU (${files.accelerator})`,
      );
    });
    const { uds } = guest.target;
    const client = (...args: string[]) => runClient(["--uds", uds, ...args]);

    await t.step("on a port where nobody listens", async () => {
      const { code, stderr } = await client("--port", "4000", "--", "true");
      assertEquals(code, 125);
      assertMatch(
        stderr,
        /^cocoon-agent: Cannot reach the agent at port 4000 behind ".*": nobody listens there, or the machine isn't up yet\n$/,
      );
    });

    await t.step("whose agent is killed in mid-session", async () => {
      const agent = await guest.sh("pidof cocoon-agent");
      await using session = await startSession();
      await guest.trySh("kill -9 $1", agent).catch(() => {});
      const { code, stderr } = await session.output();
      assertEquals([code, stderr], [125, BROKEN]);
    });

    await t.step(
      "again with --wait, once init has restarted the agent",
      async () => {
        const { code, stdout } = await client(
          ...["--wait", "30s", "--", "pidof", "cocoon-agent"],
        );
        assertEquals(code, 0);
        assertMatch(stdout, /^\d+\n$/);
      },
    );

    await t.step("that dies in mid-session", async () => {
      await using session = await startSession();
      await guest.machine.cutPower();
      const { code, stderr } = await session.output();
      assertEquals([code, stderr], [125, BROKEN]);
    });

    await t.step("that is dead", async () => {
      const { code, stderr } = await client(
        ...["--connect-timeout", "1s", "--", "true"],
      );
      assertEquals(code, 125);
      assertMatch(
        stderr,
        /^cocoon-agent: Cannot reach the agent at port 1024 behind ".*": .*(EPIPE|ECONNRESET|ECONNREFUSED|the machine isn't up yet)\)?\n$/,
      );
    });

    /** Starts a client, and waits until its command runs. */
    async function startSession(): Promise<Client> {
      await guest.sh("rm -f /tmp/runs");
      // What it reads is sent when the client knows that it has started.
      const script = "read -r _; >/tmp/runs; exec sleep 60";
      const session = startClient(
        ["--uds", uds, "--", "sh", "-c", script],
        { stdin: "go\n" },
      );
      await until(
        async () => (await guest.trySh("[ -e /tmp/runs ]")).success,
        "the command",
      );
      return session;
    }
  }),
);

Deno.test(
  "client gives a guest up that stands still",
  withGuests(async () => {
    using files = await bootFiles();
    await using guest = await Guest.boot(files);
    await guest.machine.pause();
    // The last thing done with this guest: what serves its socket does not
    // survive a client that gives up.
    const { code, stderr } = await runClient(
      ["--uds", guest.target.uds, "--connect-timeout", "1s", "--", "true"],
    );
    assertEquals(code, 125);
    assertMatch(
      stderr,
      /^cocoon-agent: Cannot reach the agent at port 1024 behind ".*": no answer within 1000 ms\n$/,
    );
  }),
);
