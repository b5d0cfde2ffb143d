import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { output, spawn } from "../../client/mod.ts";
import { findProgram } from "../../ffi/program.ts";
import { qemuArguments } from "../../packaging/vm/machine.ts";
import { QEMU } from "../../packaging/tools.ts";
import { kernelVsock } from "../../packaging/vm/vsock_device.ts";
import { until, untilStalled } from "../_bounded.ts";
import { text } from "../_wire.ts";
import { bootFiles, Guest, withGuests } from "./_guest.ts";

/** A guest within a guest takes its time, here in milliseconds. */
const PATIENCE = 300_000;
const WAIT = "180s";

// The kernel's vhost-vsock makes the machine that has it the host of its guests,
// and these tests open AF_VSOCK nowhere but in a guest: so this one has a guest of
// its own, which it reaches by --cid.
Deno.test(
  "client reaches a guest by its CID over the kernel's vhost-vsock",
  withGuests(async (t) => {
    using inner = await bootFiles();
    const qemu = findProgram(QEMU.name, Deno.env.get("PATH"));
    const at = { kernel: "/inner/vmlinuz", initrd: "/inner/initrd" };
    using outer = await bootFiles({
      programs: [qemu],
      files: {
        "/usr/share/qemu": "/usr/share/qemu",
        "/usr/share/seabios": "/usr/share/seabios",
        [at.kernel]: inner.kernel,
        [at.initrd]: inner.initrd,
      },
      modules: [
        ...["irqbypass", "kvm", "kvm-amd", "kvm-intel"],
        ...["vhost_iotlb", "vhost", "vhost_vsock"],
      ],
    });
    await using host = await Guest.boot({ ...outer, memory: 2048 });
    const vsock = kernelVsock();
    const { cid } = vsock.target;
    const hasKvm = (await host.trySh("[ -c /dev/kvm ]")).success;
    const accelerator = hasKvm ? "kvm" : "tcg";
    await using machine = await spawn(host.target, [
      qemu,
      ...qemuArguments({ accelerator, ...at }, vsock),
      ...["-serial", "file:/inner/console.log"],
    ], { stdin: "null", stdout: "null" });
    const off = machine.status.then(async ({ code }) => {
      const words = await new Response(machine.stderr).text();
      throw new Error(`QEMU in the guest ended with ${code}: ${words}`);
    });
    off.catch(() => {});
    const target = ["--cid", `${cid}`];
    /** Runs a shell command in the outer guest, in which `client` is one. */
    const run = async (script: string, ...args: string[]) => {
      const client = 'client() { cocoon-agent client "$@"; }';
      const argv = ["sh", "-c", `${client}; ${script}`, "sh", ...args];
      const { code, stdout, stderr } = await output(host.target, argv);
      return { code, stdout: text(stdout), stderr: text(stderr) };
    };
    const client = (...args: string[]) => run('client "$@"', ...args);

    await t.step("with --wait, once it is up", async () => {
      const printBootId = ["cat", "/proc/sys/kernel/random/boot_id"];
      const { code, stdout, stderr } = await Promise.race([
        client(...target, "--wait", WAIT, "--", ...printBootId),
        off,
      ]);
      assertEquals([code, stderr], [0, ""]);
      assertNotEquals(stdout.trim(), await host.sh(printBootId.join(" ")));
    });

    await t.step("with input, output, errors and exit code", async () => {
      const script = "tr a-z A-Z; echo err >&2; exit 7";
      assertEquals(
        await run(
          'echo hello | client "$@"',
          ...target,
          "--",
          "sh",
          "-c",
          script,
        ),
        { code: 7, stdout: "HELLO\n", stderr: "err\n" },
      );
    });

    await t.step("with 4 MiB there and back, unchanged", async () => {
      const { stdout } = await run(
        `head -c 4194304 /dev/urandom >/data
        sha256sum </data; client "$@" -- cat </data | sha256sum`,
        ...target,
      );
      const [there, back] = stdout.split("\n");
      assertMatch(there!, /^[0-9a-f]{64}/);
      assertEquals(back, there);
    });

    await t.step("or says why not", async () => {
      const noAgent = await client(...target, "--port", "4000", "--", "true");
      assertEquals(noAgent.code, 125);
      assertMatch(noAgent.stderr, /vsock \d+:4000: .*\(ECONNRESET\)\n$/);
      const noGuest = await client("--cid", "77", "--", "true");
      assertEquals(noGuest.code, 125);
      assertMatch(noGuest.stderr, /vsock 77:1024: .*\(ENODEV\)\n$/);
    });

    await t.step(
      "and is missed when it is killed, with stdin full",
      async () => {
        const command = "echo $$ >/tmp/pid; exec sleep 600";
        await using lost = await spawn(host.target, [
          ...["sh", "-c", 'exec cocoon-agent client "$@" </dev/zero', "sh"],
          ...[...target, "--", "sh", "-c", command],
        ]);
        const printWritten = "sed -n 's/^wchar: //p' /proc/$1/io";
        const written = async () =>
          Number(await host.sh(printWritten, `${lost.pid}`));
        await until(async () => await written() > 1024 * 1024, "a full stdin");
        await untilStalled(written, "the client's output", 1000);
        await host.sh("kill -9 $1", `${lost.pid}`);
        const ask = '[ -d "/proc/$(cat /tmp/pid)" ] && echo runs || echo gone';
        await until(
          async () =>
            (await client(...target, "--", "sh", "-c", ask)).stdout ===
              "gone\n",
          "the end of the command",
        );
      },
    );
  }, PATIENCE),
);
