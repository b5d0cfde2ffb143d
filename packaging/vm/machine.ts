/**
 * A virtual machine in QEMU.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { ToolError } from "../_script.ts";
import { BoundProcess } from "./bound_process.ts";
import { Qmp } from "./qmp.ts";
import { QEMU } from "../tools.ts";
import type { Accelerator } from "./accelerator.ts";
import type { VsockDevice } from "./vsock_device.ts";

/** What a machine is, and what it boots. */
export interface MachineOptions {
  /** What runs the guest's code. */
  readonly accelerator: Accelerator;
  /** The path of the kernel's image. */
  readonly kernel: string;
  /** The path of the initial RAM file system. */
  readonly initrd: string;
  /** What is added to the kernel's command line. */
  readonly commandLine?: string;
  /** The path of a disk image in the raw format, which the guest changes. */
  readonly disk?: string;
  /**
   * How much memory the guest has, in MiB.
   *
   * @default {512}
   */
  readonly memory?: number;
  /**
   * The path of a state that {@linkcode Machine.save} has written: the guest goes
   * on from there, in the place of a boot.
   */
  readonly state?: string;
}

/** The vsock device can be taken out, so it has a port of its own. */
const VSOCK = { id: "vsock0", bus: "port0" } as const;
const DEFAULT_MEMORY = 512;
/** How often is looked for what no event tells of, in milliseconds. */
const INTERVAL = 20;

/** A running machine. It is killed when it goes out of scope. */
export class Machine implements AsyncDisposable {
  /** The path of the file with what the guest has written to its console. */
  readonly console: string;
  readonly #process: BoundProcess;
  readonly #qmp: Qmp;
  readonly #vsock: VsockDevice;

  private constructor(
    console: string,
    process: BoundProcess,
    qmp: Qmp,
    vsock: VsockDevice,
  ) {
    this.console = console;
    this.#process = process;
    this.#qmp = qmp;
    this.#vsock = vsock;
  }

  /**
   * Starts a machine.
   *
   * @param options What it is, and what it boots.
   * @param vsock Its vsock device, which ends with it.
   * @param folder Where its console's file is put.
   * @returns The machine, as soon as QEMU runs it.
   * @throws {ToolError} If QEMU cannot.
   */
  static async start(
    options: MachineOptions,
    vsock: VsockDevice,
    folder: string,
  ): Promise<Machine> {
    const console = `${folder}/console.log`;
    const process = BoundProcess.start(QEMU.name, [
      ...qemuArguments(options, vsock),
      ...["-serial", `file:${console}`],
      ...["-qmp", "stdio"],
    ], "piped");
    const qmp = new Qmp(process.stdout, process.stdin);
    const machine = new Machine(console, process, qmp, vsock);
    try {
      await qmp.begin();
      if (options.state !== undefined) await machine.#restore();
      return machine;
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      // QEMU's own words say more than that it has ended.
      const words = (await process.ended).trim();
      if (!(error instanceof ToolError) || words === "") throw error;
      throw new ToolError(`Cannot start a machine in QEMU: ${words}`);
    }
  }

  /**
   * Waits until the guest has written something to its console.
   *
   * That the agent in it listens is seen there first, and not by connecting to
   * it: vhost-device-vsock 0.3.0 serves nobody any more when a connection comes
   * at the moment when the guest's driver activates the device, which met 1 boot
   * in 100 when there was one every 50 ms.
   *
   * @param text What it writes.
   * @param timeout How long it may take, in milliseconds.
   * @throws {ToolError} If it doesn't in time, or goes off before.
   */
  async says(text: string, timeout: number): Promise<void> {
    const deadline = performance.now() + timeout;
    const { ended } = this.#process;
    const off = ended.then((words) => {
      throw new ToolError(
        `the machine went off${words && `: ${words.trim()}`}`,
      );
    });
    off.catch(() => {});
    // QEMU makes the file when it starts.
    while (!(await Deno.readTextFile(this.console)).includes(text)) {
      if (performance.now() > deadline) {
        throw new ToolError(
          `Waited ${timeout / 1000} s in vain for "${text}" on the console`,
        );
      }
      await Promise.race([off, delay(INTERVAL)]);
    }
  }

  /** Resolves when the machine is off, to what QEMU has complained of. */
  get ended(): Promise<string> {
    return this.#process.ended;
  }

  /** Stops the guest's processors. */
  async pause(): Promise<void> {
    await this.#qmp.execute("stop");
  }

  /** Takes the power away; what serves its devices stays. */
  async cutPower(): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  /**
   * Writes the guest's state to a file, after which the machine does nothing any
   * more.
   *
   * The vsock device is taken out before: what serves it has no state to save. To
   * the guest this is what the restore of a snapshot is elsewhere: connections
   * are reset, listeners survive, and the CID may be another afterwards.
   *
   * @param path The file's path.
   * @throws {ToolError} If QEMU cannot.
   */
  async save(path: string): Promise<void> {
    await this.#qmp.execute("device_del", { id: VSOCK.id });
    const list = { path: "/machine/peripheral" };
    await this.#until(
      "qom-list",
      list,
      (devices: { name: string }[]) =>
        !devices.some(({ name }) => name === VSOCK.id),
    );
    await this.pause();
    await this.#qmp.execute("migrate", { uri: `exec:cat >'${path}'` });
    await this.#until("query-migrate", {}, ({ status }: Status) => {
      if (status === "failed") {
        throw new ToolError(`Cannot save the state of the guest to "${path}"`);
      }
      return status === "completed";
    });
  }

  /** Lets a guest go on whose state QEMU was told to load. */
  async #restore(): Promise<void> {
    await this.#until(
      "query-status",
      {},
      ({ status }: Status) => status === "paused",
    );
    await this.#qmp.execute("cont");
    await this.#qmp.execute("device_add", { ...this.#vsock.device, ...VSOCK });
  }

  /** Asks QEMU until the answer is the one. */
  async #until<Answer>(
    command: string,
    args: Readonly<Record<string, unknown>>,
    predicate: (answer: Answer) => boolean,
  ): Promise<void> {
    while (!predicate(await this.#qmp.execute<Answer>(command, args))) {
      await delay(INTERVAL);
    }
  }

  /** Kills it, and ends what serves its devices. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#qmp[Symbol.asyncDispose]();
    await this.#process[Symbol.asyncDispose]();
    await this.#vsock[Symbol.asyncDispose]();
  }
}

/** What QEMU says of itself, or of what it does. */
interface Status {
  status: string;
}

/**
 * Returns what QEMU is told of a machine.
 *
 * @param options What it is, and what it boots.
 * @param vsock Its vsock device.
 * @returns The arguments, without those for its console and its control.
 */
export function qemuArguments(
  options: MachineOptions,
  vsock: VsockDevice,
): string[] {
  const { accelerator, kernel, initrd, disk, state } = options;
  const { commandLine = "", memory = DEFAULT_MEMORY } = options;
  const device = JSON.stringify({ ...vsock.device, ...VSOCK });
  return [
    ...["-accel", accelerator, "-machine", "q35,memory-backend=ram"],
    ...["-cpu", "max", "-smp", "1", "-m", `${memory}M`],
    // Shared with the process that serves the vsock device.
    ...["-object", `memory-backend-memfd,id=ram,size=${memory}M,share=on`],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-kernel", kernel, "-initrd", initrd],
    ...["-append", `console=ttyS0 quiet panic=-1 ${commandLine}`],
    ...["-device", `pcie-root-port,id=${VSOCK.bus}`, ...vsock.args],
    ...(state === undefined
      ? ["-device", device]
      : ["-incoming", `exec:cat '${state}'`]),
    ...(disk === undefined
      ? []
      : ["-drive", `file=${disk},format=raw,if=virtio,cache=unsafe`]),
  ];
}
