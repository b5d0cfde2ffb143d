/**
 * A real guest: a Linux kernel in QEMU, and the compiled agent in it, which is
 * reached over real vsock through a hybrid socket.
 *
 * @module
 */

import {
  type HybridTarget,
  type RemoteOutput,
  waitForAgent,
} from "../../client/mod.ts";
import { DEFAULT_PORT } from "../../client/target.ts";
import { compileIfStale } from "../../packaging/compile.ts";
import { chooseAccelerator } from "../../packaging/vm/accelerator.ts";
import { getGuestKernel } from "../../packaging/vm/guest_kernel.ts";
import {
  buildInitramfs,
  type InitramfsOptions,
} from "../../packaging/vm/initramfs.ts";
import { Machine, type MachineOptions } from "../../packaging/vm/machine.ts";
import {
  BUSYBOX,
  QEMU,
  requireTools,
  SETPRIV,
  VHOST_USER_VSOCK,
} from "../../packaging/tools.ts";
import { vhostUserVsock } from "../../packaging/vm/vsock_device.ts";
import { BINARY } from "../_program.ts";
import { Wire, type WireFrame } from "../_wire.ts";
import { sh, trySh } from "./_shell.ts";

/** The port of the agent by which the first one is looked at. */
const OBSERVER_PORT = 1025;

/** How long a test with a guest may take, in milliseconds. */
export const GUEST_PATIENCE = 180_000;

/** How long a guest may take to boot, in milliseconds. */
export const BOOT_TIMEOUT = 60_000;

/** What guests boot. */
export interface BootFiles extends Disposable, Omit<MachineOptions, "state"> {
  /** The folder that holds the initial RAM file system, and may hold more. */
  readonly folder: string;
}

/**
 * Makes what guests boot, out of the compiled agent.
 *
 * @param more What else is in their initial RAM file system.
 */
export async function bootFiles(
  more: Pick<InitramfsOptions, "programs" | "files" | "modules"> = {},
): Promise<BootFiles> {
  requireTools("boot a guest", [QEMU, BUSYBOX, SETPRIV, VHOST_USER_VSOCK]);
  const binary = BINARY ?? await compileIfStale();
  const kernel = await getGuestKernel();
  const { accelerator } = await chooseAccelerator();
  const folder = await Deno.makeTempDir({ prefix: "guest-" });
  const remove = () => Deno.removeSync(folder, { recursive: true });
  const initrd = `${folder}/initrd`;
  try {
    await buildInitramfs({ binary, kernel, out: initrd, ...more });
  } catch (error) {
    remove();
    throw error;
  }
  return {
    accelerator,
    folder,
    kernel: kernel.image,
    initrd,
    [Symbol.dispose]: remove,
  };
}

/** Options for {@linkcode Guest.start}. */
export interface GuestOptions {
  /** The guest's CID. */
  cid?: number;
  /** The path of a state to go on from, in the place of a boot. */
  state?: string;
  /**
   * The folder for its sockets, which is removed with the guest.
   *
   * @default {A temporary folder}
   */
  folder?: string;
}

/** A running guest. It is killed when it goes out of scope. */
export class Guest implements AsyncDisposable {
  /** The virtual machine. */
  readonly machine: Machine;
  /** Where the agent is that the guest starts when it boots. */
  readonly target: HybridTarget;
  readonly #folder: string;

  private constructor(machine: Machine, target: HybridTarget, folder: string) {
    this.machine = machine;
    this.target = target;
    this.#folder = folder;
  }

  /**
   * Starts a guest, without waiting for its agent.
   *
   * @param files What it boots.
   * @param options The options.
   */
  static async start(
    files: BootFiles,
    options: GuestOptions = {},
  ): Promise<Guest> {
    const { state, cid } = options;
    const folder = options.folder ??
      await Deno.makeTempDir({ prefix: "guest-" });
    try {
      const vsock = await vhostUserVsock(folder, cid);
      const machine = await Machine.start(
        { ...files, ...(state !== undefined && { state }) },
        vsock,
        folder,
      );
      return new Guest(machine, vsock.target, folder);
    } catch (error) {
      await Deno.remove(folder, { recursive: true });
      throw error;
    }
  }

  /**
   * Boots a guest, and waits for its agent.
   *
   * @param files What it boots.
   * @param timeout How long it may take, in milliseconds.
   */
  static async boot(
    files: BootFiles,
    timeout = BOOT_TIMEOUT,
  ): Promise<Guest> {
    const guest = await Guest.start(files);
    try {
      await waitForAgent(guest.target, timeout);
      return guest;
    } catch (error) {
      const console = await guest.console().catch(() => "");
      await guest[Symbol.asyncDispose]();
      throw new Error(`${error}; its console says:\n${console}`);
    }
  }

  /**
   * Runs a shell script in the guest to its end, and checks that it succeeds.
   *
   * @param script The script.
   * @param args Its arguments, `$1` and on.
   * @returns What it wrote to standard output, without the last newline.
   */
  async sh(script: string, ...args: readonly string[]): Promise<string> {
    return await sh(this.target, script, ...args);
  }

  /**
   * Runs a shell script in the guest to its end.
   *
   * @param script The script.
   * @param args Its arguments, `$1` and on.
   */
  async trySh(
    script: string,
    ...args: readonly string[]
  ): Promise<RemoteOutput> {
    return await trySh(this.target, script, ...args);
  }

  /**
   * Connects to a port in the guest, as a peer that knows nothing of the
   * project's own code.
   *
   * @param port The port.
   */
  async connect(port = DEFAULT_PORT): Promise<Wire> {
    const wire = await Wire.connect(this.target.uds);
    await wire.send(`CONNECT ${port}\n`);
    const reply = await wire.readLine();
    if (!/^OK \d+$/.test(reply ?? "")) {
      throw new Error(`The hypervisor answered ${JSON.stringify(reply)}`);
    }
    return wire;
  }

  /**
   * Connects to the agent and sends the first frame.
   *
   * @param frame The frame.
   */
  async open(frame: WireFrame): Promise<Wire> {
    const wire = await this.connect();
    await wire.send(frame);
    return wire;
  }

  /** Returns what the guest has written to its console. */
  async console(): Promise<string> {
    return await Deno.readTextFile(this.machine.console);
  }

  /** Kills it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/**
 * Starts a second agent in a guest, by which the first one can be looked at
 * without giving it anything to do.
 *
 * @param guest The guest.
 * @returns Where the second agent is.
 */
export async function startObserver(guest: Guest): Promise<HybridTarget> {
  const observer = { ...guest.target, port: OBSERVER_PORT };
  await guest.sh(
    "setsid cocoon-agent serve --port $1 </dev/null >/dev/null 2>&1 &",
    `${OBSERVER_PORT}`,
  );
  await waitForAgent(observer, BOOT_TIMEOUT);
  return observer;
}
