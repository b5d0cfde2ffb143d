import { assert, assertEquals, assertLess } from "@std/assert";
import { spawn } from "../../client/mod.ts";
import { AT_ONCE, until, untilStalled, within } from "../_bounded.ts";
import { startClient } from "../_client.ts";
import { dataFrame, type Wire } from "../_wire.ts";
import { bootFiles, Guest, startObserver, withGuests } from "./_guest.ts";
import { sh } from "./_shell.ts";

/** Says that the group `$1` runs, and ends when none of it does any more. */
const WATCH = `
  runs() { grep -Eqs "^[0-9]+ \\(.*\\) [^ZX] [0-9]+ $1 " /proc/[0-9]*/stat; }
  runs "$1" || exit 1
  echo runs
  while runs "$1"; do usleep 20000; done`;

Deno.test(
  "The agent kills a lost client's group at once in a guest",
  withGuests(async (t) => {
    using files = await bootFiles();
    await using guest = await Guest.boot(files);
    const agent = await guest.sh("pidof cocoon-agent");
    const observer = await startObserver(guest);

    /** Loses a client, and checks how long its group lives on. */
    async function assertKilled(group: number, lose: () => unknown) {
      await using watch = await spawn(
        observer,
        ["sh", "-c", WATCH, "sh", String(group)],
      );
      const reader = watch.stdout.getReader();
      assert((await within(reader.read(), "the group")).value);
      const start = performance.now();
      await lose();
      const { code } = await within(watch.status, "the end of the group");
      assertLess(performance.now() - start, AT_ONCE);
      assertEquals(code, 0);
    }

    async function start(script: string): Promise<[wire: Wire, group: number]> {
      const argv = ["sh", "-c", script];
      const wire = await guest.open({ type: "exec", argv });
      return [wire, await wire.expectStarted()];
    }

    /**
     * Tells this hypervisor first, which forgets to tell the guest of a plain
     * close while output is under way. It has noticed when it closes its end.
     */
    async function shutDownAndClose(wire: Wire): Promise<void> {
      await wire.closeWrite();
      while (await wire.readChunk() !== undefined);
      wire.close();
    }

    await t.step("in silence", async () => {
      const [wire, group] = await start("sleep 60 & exec sleep 60");
      await assertKilled(group, () => wire.close());
    });

    await t.step("in silence, by SIGKILL", async () => {
      const script = "echo $$ >/tmp/pid; exec sleep 60";
      await using client = startClient(
        ["--uds", guest.target.uds, "--", "sh", "-c", script],
      );
      const group = await until(
        async () => Number(await guest.sh("cat /tmp/pid || true")) || undefined,
        "the command",
      );
      await assertKilled(group, () => client.kill("SIGKILL"));
    });

    await t.step("in mid-output, while it reads", async () => {
      const [wire, group] = await start("exec yes");
      for (let i = 0; i < 5; i++) await wire.expect("stdout");
      await assertKilled(group, () => shutDownAndClose(wire));
    });

    await t.step("in mid-output, while it doesn't read", async () => {
      const [wire, group] = await start("exec yes");
      await untilStalled(() => ioCounter(group, "wchar"), "the output");
      await assertKilled(group, () => shutDownAndClose(wire));
    });

    await t.step("with stdin full", async () => {
      const before = await ioCounter(agent, "rchar");
      const [wire, group] = await start("exec sleep 60");
      const frame = `${
        JSON.stringify(dataFrame("stdin", new Uint8Array(65536)))
      }\n`;
      // Until the agent takes no more. A little stays in the guest's socket then;
      // if more did, this hypervisor would not look for the close behind it.
      let sent = 0;
      for (let read = 0; read >= sent;) {
        await wire.send(frame);
        sent += frame.length;
        read = await untilStalled(
          async () => await ioCounter(agent, "rchar") - before,
          "the agent's input",
        );
      }
      await assertKilled(group, () => shutDownAndClose(wire));
    });

    await t.step("and serves others on", async () => {
      await guest.sh("true");
    });

    /** How much a process in the guest has read or written, see proc(5) on `io`. */
    async function ioCounter(
      pid: number | string,
      name: "rchar" | "wchar",
    ): Promise<number> {
      const print = 'grep "^$2:" "/proc/$1/io"';
      const line = await sh(observer, print, String(pid), name);
      return Number(line.split(" ")[1]);
    }
  }),
);
