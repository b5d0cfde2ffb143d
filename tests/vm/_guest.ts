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
  LISTENING,
} from "../../packaging/vm/initramfs.ts";
import { Machine, type MachineOptions } from "../../packaging/vm/machine.ts";
import {
  BUSYBOX,
  QEMU,
  requireTools,
  SETPRIV,
  VHOST_USER_VSOCK,
} from "../../packaging/tools.ts";
import {
  hybridSocket,
  vhostUserVsock,
} from "../../packaging/vm/vsock_device.ts";
import { bounded } from "../_bounded.ts";
import { BINARY } from "../_program.ts";
import { Wire, type WireFrame } from "../_wire.ts";
import { sh, trySh } from "./_shell.ts";

/** The port of the agent by which the first one is looked at. */
const OBSERVER_PORT = 1025;

/** How long a test with a guest may take, in milliseconds. */
const GUEST_PATIENCE = 180_000;

/** How many guests are tried whose device dies. */
const REACH_ATTEMPTS = 2;
/** How long a guest that is up may take to answer, in milliseconds. */
const ANSWER_TIMEOUT = 5000;

/** How long a guest may take to boot, in milliseconds. */
export const BOOT_TIMEOUT = 60_000;

/** The guests of the test that runs, also those that are off again. */
const guests = new Set<Guest>();

/** What a test with guests is given. */
export interface GuestTestContext {
  /** Runs a step, as `Deno.TestContext` does. */
  step(
    name: string,
    step: (context: Deno.TestContext) => void | Promise<void>,
  ): Promise<boolean>;
}

/**
 * Bounds a test with guests, and prints what their consoles say if it fails.
 *
 * @param test The test's function.
 * @param patience How long it may take, in milliseconds.
 * @returns The function for `Deno.test`.
 */
export function withGuests(
  test: (context: GuestTestContext) => Promise<void>,
  patience = GUEST_PATIENCE,
): (context: Deno.TestContext) => Promise<void> {
  return async (context) => {
    guests.clear();
    let passed = true;
    const step: GuestTestContext["step"] = async (...args) => {
      const stepPassed = await context.step(...args);
      passed &&= stepPassed;
      return stepPassed;
    };
    try {
      await bounded(() => test({ step }), patience)(context);
    } catch (error) {
      passed = false;
      throw error;
    } finally {
      if (!passed) {
        for (const guest of guests) {
          console.log(`A guest's console:\n${await guest.console()}`);
        }
      }
    }
  };
}

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
  const { accelerator } = await chooseAccelerator(kernel.image);
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
  #lastWords: string | undefined;

  private constructor(machine: Machine, target: HybridTarget, folder: string) {
    this.machine = machine;
    this.target = target;
    this.#folder = folder;
    guests.add(this);
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
   * @param listening What its console says when the agent listens.
   * @param timeout How long it may take, in milliseconds.
   */
  static async boot(
    files: BootFiles,
    listening = LISTENING,
    timeout = BOOT_TIMEOUT,
  ): Promise<Guest> {
    const guest = await Guest.start(files);
    try {
      await guest.machine.says(listening, timeout);
      await waitForAgent(guest.target, timeout);
      return guest;
    } catch (error) {
      await guest[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Starts a guest that somebody reaches for from before there is a machine. What
   * serves its device may not survive that, see {@linkcode Machine.says}: then
   * again with another guest.
   *
   * @param files What it boots.
   * @param options The options.
   * @param reach Reaches for its agent, and throws if it cannot.
   * @returns The guest.
   */
  static async reach(
    files: BootFiles,
    options: Omit<GuestOptions, "folder">,
    reach: (target: HybridTarget) => Promise<void>,
  ): Promise<Guest> {
    for (let attempt = 1;; attempt++) {
      const folder = await Deno.makeTempDir({ prefix: "guest-" });
      const reached = reach({ uds: hybridSocket(folder) });
      reached.catch(() => {});
      const guest = await Guest.start(files, { ...options, folder });
      try {
        await reached;
        return guest;
      } catch (error) {
        const deaf = await guest.#isDeaf().catch(() => true);
        await guest[Symbol.asyncDispose]();
        if (!deaf || attempt === REACH_ATTEMPTS) throw error;
      }
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

  /** Whether connections are taken, and get neither an answer nor an end. */
  async #isDeaf(): Promise<boolean> {
    using wire = await Wire.connect(this.target.uds);
    await wire.send(`CONNECT ${DEFAULT_PORT}\n`);
    return await wire.readLine(ANSWER_TIMEOUT).then(() => false, () => true);
  }

  /** Returns what the guest has written to its console, also when it is off. */
  async console(): Promise<string> {
    return this.#lastWords ?? await Deno.readTextFile(this.machine.console);
  }

  /** Kills it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#lastWords = await this.console();
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
