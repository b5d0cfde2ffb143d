import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { output, spawn } from "../../client/mod.ts";
import { until, untilStalled } from "../_bounded.ts";
import { startClient } from "../_client.ts";
import { startTerminalClient, type Terminal } from "../_terminal.ts";
import { text } from "../_wire.ts";
import { bootFiles, Guest, startObserver, withGuests } from "./_guest.ts";
import { sh } from "./_shell.ts";

Deno.test(
  "client -t is a terminal in a guest",
  withGuests(async (t) => {
    using files = await bootFiles();
    await using guest = await Guest.boot(files);

    /** Starts a shell in a terminal of this machine's. */
    async function startShell(): Promise<Terminal> {
      const target = ["--uds", guest.target.uds];
      const terminal = startTerminalClient(
        ["-t", "-e", "PS1=guest> ", ...target, "--", "sh"],
        { size: { rows: 30, cols: 90 }, env: { TERM: "vt100" } },
      );
      await terminal.expect("guest> ");
      return terminal;
    }

    await t.step("with this one's size and kind", async () => {
      await using terminal = await startShell();
      await terminal.type('tty; stty size; echo "$TERM $USER"\r');
      await terminal.expect(
        /\n\/dev\/pts\/\d+\r\n30 90\r\nvt100 root\r\nguest> /,
      );
      terminal.resize({ rows: 40, cols: 120 });
      await until(async () => {
        await terminal.type("stty size\r");
        const [, size] = await terminal.expect(/\n(\d+ \d+)\r\n/);
        return size === "40 120";
      }, "the other size");
      await terminal.type("exit 7\r");
      assertEquals((await terminal.status).code, 7);
    });

    await t.step(
      "whose keys interrupt a command, and end the shell",
      async () => {
        await using terminal = await startShell();
        await terminal.type("sleep 61\r");
        await until(
          async () => await guest.sh("pidof sleep || true") !== "",
          "the command",
        );
        await terminal.type("\x03");
        await terminal.type("echo al''ive\r");
        await terminal.expect("alive");
        assertEquals(await guest.sh("pidof sleep || true"), "");
        await terminal.type("\x04");
        assertEquals((await terminal.status).code, 0);
      },
    );

    await t.step("in which vi edits a file", async () => {
      await using terminal = await startShell();
      await terminal.type("vi /tmp/note\r");
      await terminal.expect("- /tmp/note");
      await terminal.type("iwritten in vi");
      await terminal.expect("vi");
      // What follows at once would be taken for the rest of a function key.
      await terminal.type("\x1b");
      await terminal.expect("- /tmp/note [Modified]");
      await terminal.type(":wq\r");
      await terminal.expect("guest> ");
      assertEquals(await guest.sh("cat /tmp/note"), "written in vi");
    });

    await t.step("which is hung up when the client is ended", async () => {
      await using terminal = await startShell();
      await terminal.type(
        "(trap 'echo hung up >/tmp/hangup' HUP; echo se''t; while :; do sleep 1; done)\r",
      );
      await terminal.expect("set");
      terminal.kill("SIGTERM");
      assertEquals((await terminal.status).code, 143);
      await until(
        async () =>
          await guest.sh("cat /tmp/hangup 2>/dev/null || true") !== "",
        "the hang-up",
      );
    });
  }),
);

Deno.test(
  "The client ends commands in a guest by signals, time limits, and its own end",
  withGuests(async (t) => {
    using files = await bootFiles();
    await using guest = await Guest.boot(files);
    const observer = await startObserver(guest);

    async function assertGone(program: string): Promise<void> {
      await until(
        async () => await sh(observer, `pidof ${program} || true`) === "",
        `the end of ${program}`,
        2000,
      );
    }

    await t.step("a signal, while stdin is full", async () => {
      await using process = await spawn(guest.target, ["sleep", "62"]);
      const writer = process.stdin.getWriter();
      let written = 0;
      const stopped = (async () => {
        for (;; written++) await writer.write(new Uint8Array(65536));
      })().catch((error) => error);
      await untilStalled(() => written, "stdin");
      process.kill("SIGUSR1");
      assertEquals((await process.status).signal, "SIGUSR1");
      assert(await stopped instanceof Deno.errors.BrokenPipe);
    });

    await t.step("the client's loss, while stdin is full", async () => {
      {
        await using process = await spawn(guest.target, ["sleep", "63"]);
        const writer = process.stdin.getWriter();
        let written = 0;
        (async () => {
          for (;; written++) await writer.write(new Uint8Array(65536));
        })().catch(() => {});
        await untilStalled(() => written, "stdin");
      }
      await assertGone("sleep");
    });

    await t.step("the client's loss, in mid-output", async () => {
      for (let i = 0; i < 5; i++) {
        await using process = await spawn(guest.target, ["yes"]);
        await process.stdout.getReader().read();
        // The guest has more than this end takes.
        const script = "sed -n 's/^wchar: //p' /proc/$(pidof yes)/io";
        await untilStalled(
          async () => Number(await sh(observer, script)),
          "the output",
        );
        process.kill("SIGKILL");
        await assertGone("yes");
      }
    });

    await t.step("SIGTERM to the client", async () => {
      await using client = startClient(
        ["--uds", guest.target.uds, "--", "sleep", "64"],
      );
      await until(
        async () => await sh(observer, "pidof sleep || true") !== "",
        "the command",
      );
      client.kill("SIGTERM");
      assertEquals((await client.output()).code, 143);
      await assertGone("sleep");
    });

    await t.step("a time limit", async () => {
      const { timedOut, signal } = await output(guest.target, ["sleep", "65"], {
        timeout: 200,
      });
      assertEquals([timedOut, signal], [true, "SIGTERM"]);
      await assertGone("sleep");
    });

    await t.step("and says what it lacks to become another user", async () => {
      const client = startClient(
        ["--uds", guest.target.uds, "-u", "nobody", "--", "id"],
      );
      const { code, stderr } = await client.output();
      assertEquals(code, 126);
      assertStringIncludes(
        stderr,
        'Cannot run "id": becoming another user takes setpriv of util-linux',
      );
    });

    await t.step("which a folder needs not", async () => {
      const { stdout } = await output(guest.target, ["pwd"], { cwd: "/proc" });
      assertEquals(text(stdout), "/proc\n");
    });
  }),
);
