/**
 * Boots a small guest, with busybox and the agent in it, to try the agent and to
 * develop it.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { existsSync } from "node:fs";
import { UsageError } from "../cli/command.ts";
import { type ParsedFlags, parseFlags } from "../cli/parse_flags.ts";
import { clientCommand } from "../client/client_command.ts";
import {
  type HybridTarget,
  type Target,
  type VsockTarget,
  waitForAgent,
} from "../client/mod.ts";
import { printableText } from "../protocol/printable_text.ts";
import { findArchitecture } from "./architecture.ts";
import { compileIfStale } from "./compile.ts";
import { checkExecutable } from "./elf.ts";
import { chooseAccelerator } from "./vm/accelerator.ts";
import { getGuestKernel, type GuestKernel } from "./vm/guest_kernel.ts";
import { buildInitramfs, LISTENING } from "./vm/initramfs.ts";
import { Machine } from "./vm/machine.ts";
import {
  BUSYBOX,
  QEMU,
  requireTools,
  SETPRIV,
  VHOST_USER_VSOCK,
} from "./tools.ts";
import {
  hasKernelVsock,
  kernelVsock,
  vhostUserVsock,
} from "./vm/vsock_device.ts";
import { runScript, type Script, ToolError } from "./_script.ts";

/** How long a guest may take to boot, in milliseconds. */
const BOOT_TIMEOUT = 60_000;
/** How long it may take to answer then, in milliseconds. */
const ANSWER_TIMEOUT = 10_000;
/** What a client exits with whose connection breaks. */
const EXIT_CONNECTION = 125;
/** How long a machine may take to end after its guest, in milliseconds. */
const OFF_GRACE = 500;
/** How many of the console's last lines are shown when a guest fails. */
const CONSOLE_LINES = 20;

const SCRIPT: Script = {
  usage: "deno task vm [FLAGS] [--] [ARGV…]",
  takesArguments: true,
  flags: [
    {
      name: "binary",
      value: "FILE",
      description:
        "The agent's executable (default: dist/cocoon-agent, compiled when the source is newer)",
    },
    {
      name: "kernel",
      value: "FILE",
      description: "The guest's kernel (default: Debian's, downloaded)",
    },
    {
      name: "modules",
      value: "FOLDER",
      description:
        "The modules of that kernel, such as /lib/modules/RELEASE, unless all it takes is built in",
    },
  ],
  run,
};

async function run(
  flags: ParsedFlags,
  stopped: Promise<number>,
): Promise<void> {
  if (Deno.build.arch !== "x86_64") {
    throw new ToolError(`Cannot boot a guest on ${Deno.build.arch} yet`);
  }
  requireTools("boot a guest", [
    ...[QEMU, BUSYBOX, SETPRIV],
    ...(hasKernelVsock() ? [] : [VHOST_USER_VSOCK]),
  ]);
  const kernel = await findKernel(flags);
  const binary = await findBinary(flags);

  const folder = await Deno.makeTempDir({ prefix: "cocoon-agent-vm-" });
  try {
    const initrd = `${folder}/initrd`;
    await buildInitramfs({ binary, kernel, out: initrd });
    const { accelerator, fault } = await chooseAccelerator(kernel.image);
    if (fault !== undefined) progress(`Without KVM: ${fault}`);
    const start = performance.now();
    const vsock = hasKernelVsock()
      ? kernelVsock()
      : await vhostUserVsock(folder);
    await using machine = await Machine.start(
      { accelerator, kernel: kernel.image, initrd },
      vsock,
      folder,
    );
    const signal = await Promise.race([
      stopped,
      untilUp(machine, vsock.target),
    ]);
    if (signal !== undefined) {
      Deno.exitCode = signal;
      return;
    }
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    progress(`The guest is up after ${seconds} s`);
    const target = targetFlags(vsock.target);
    const work = flags.rest.length > 0
      ? runCommand(target, flags.rest)
      : keepRunning(machine, binary, target);
    Deno.exitCode = await Promise.race([work, stopped]);
    if (Deno.exitCode === EXIT_CONNECTION && await isGoingOff(machine)) {
      console.error(`The machine went off; ${await lastWords(machine)}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function findBinary(flags: ParsedFlags): Promise<string> {
  const binary = flags.get("binary");
  if (binary === undefined) {
    try {
      return await compileIfStale(() => progress("Compiling the agent …"));
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      throw new ToolError(
        `${error.message}; or name an executable that is there by --binary FILE`,
        { cause: error },
      );
    }
  }
  // Anything else would be a guest that boots, and in which nobody answers.
  await checkExecutable("boot", binary, findArchitecture("debian"));
  return binary;
}

async function findKernel(flags: ParsedFlags): Promise<GuestKernel> {
  const image = flags.get("kernel");
  const modules = flags.get("modules");
  if (image === undefined) {
    if (modules !== undefined) {
      throw new UsageError("--modules goes with --kernel only");
    }
    return await getGuestKernel(() => progress("Getting a kernel …"));
  }
  if (!existsSync(image)) {
    throw new ToolError(`Cannot boot "${image}": there is no such file`);
  }
  return { image, ...(modules !== undefined && { modules }) };
}

/** Waits for the agent in a guest. */
async function untilUp(
  machine: Machine,
  target: Target,
): Promise<undefined> {
  progress("Booting …");
  try {
    await machine.says(LISTENING, BOOT_TIMEOUT);
    await waitForAgent(target, ANSWER_TIMEOUT);
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new ToolError(
      `Cannot boot the guest: ${reason}; ${await lastWords(machine)}`,
    );
  }
}

/** Returns whether a machine is off, or is about to be. */
async function isGoingOff(machine: Machine): Promise<boolean> {
  return await Promise.race([
    machine.ended.then(() => true),
    delay(OFF_GRACE).then(() => false),
  ]);
}

/** Returns the end of what a guest has written to its console. */
async function lastWords(machine: Machine): Promise<string> {
  const console = await Deno.readTextFile(machine.console).catch(() => "");
  const lines = console.trimEnd().split(/\r?\n/).slice(-CONSOLE_LINES);
  return `its console ends with:\n${
    lines.map((line) => printableText(line)).join("\n")
  }`;
}

async function runCommand(
  target: readonly string[],
  argv: readonly string[],
): Promise<number> {
  const args = [...target, "--", ...argv];
  return await clientCommand.run(
    parseFlags(args, clientCommand.flags, clientCommand),
  );
}

/** Says how to use a guest, and lets it run until it is off. */
async function keepRunning(
  machine: Machine,
  binary: string,
  target: readonly string[],
): Promise<number> {
  const flags = target.join(" ");
  console.log(`The agent in the guest is at: ${flags}
Its console's output goes to:  ${machine.console}
Try this from another terminal, and Ctrl-C to power it off:

  ${binary} client ${flags} -- uname -a
`);
  await machine.ended;
  progress("The guest has powered itself off");
  return 0;
}

function targetFlags(target: VsockTarget | HybridTarget): string[] {
  return "cid" in target
    ? ["--cid", String(target.cid)]
    : ["--uds", target.uds];
}

/** Says how far it is, to people. */
function progress(line: string): void {
  if (Deno.stderr.isTerminal()) console.error(line);
}

if (import.meta.main) await runScript(SCRIPT, Deno.args);
