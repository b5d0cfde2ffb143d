/**
 * The vsock device of a guest: how the host reaches into it.
 *
 * @module
 */

import type { HybridTarget, Target, VsockTarget } from "../../client/mod.ts";
import { ToolError } from "../_script.ts";
import { BoundProcess } from "./bound_process.ts";
import { isUsable, VHOST_USER_VSOCK } from "../tools.ts";

/** A guest's vsock device, and what serves it on the host. */
export interface VsockDevice<T extends Target = Target>
  extends AsyncDisposable {
  /** Where the agent in the guest is for the host. */
  readonly target: T;
  /** What QEMU is told once, when it starts. */
  readonly args: readonly string[];
  /** The device as `-device` and `device_add` take it. */
  readonly device: Readonly<Record<string, string | number>>;
}

const KERNEL_DEVICE = "/dev/vhost-vsock";
/** Where a CID is drawn from, as one host has each only once. */
const CIDS = { from: 0x1000, to: 0x7fffffff } as const;

/** Whether this machine's kernel has vhost-vsock, and this user may use it. */
export function hasKernelVsock(): boolean {
  return isUsable(KERNEL_DEVICE);
}

/**
 * Returns a device that the kernel serves, by vhost-vsock, with a CID drawn at
 * random.
 */
export function kernelVsock(): VsockDevice<VsockTarget> {
  const [random] = crypto.getRandomValues(new Uint32Array(1));
  const cid = CIDS.from + random! % (CIDS.to - CIDS.from);
  return {
    target: { cid },
    args: [],
    device: { driver: "vhost-vsock-pci", "guest-cid": cid },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Returns the path of the unix socket of a guest whose device a process serves.
 *
 * @param folder The folder for the device's sockets.
 */
export function hybridSocket(folder: string): string {
  return `${folder}/vm.sock`;
}

/**
 * Starts a device that a process serves, by vhost-user: the host reaches the
 * guest through a unix socket, as with Cloud Hypervisor and Firecracker.
 *
 * @param folder Where its sockets are put.
 * @param cid The guest's CID: guests with such devices may all have the same.
 * @returns The device.
 * @throws {ToolError} If that process fails.
 */
export async function vhostUserVsock(
  folder: string,
  cid = 3,
): Promise<VsockDevice<HybridTarget>> {
  if (/[,=]/.test(folder)) {
    throw new ToolError(
      `Cannot serve a vsock device in "${folder}": its path holds a "," or "="; set TMPDIR to another folder`,
    );
  }
  const uds = hybridSocket(folder);
  const socket = `${folder}/vhost.sock`;
  const backend = BoundProcess.start(VHOST_USER_VSOCK.name, [
    "--vm",
    `guest-cid=${cid},uds-path=${uds},socket=${socket}`,
  ]);
  try {
    await backend.makes(socket);
  } catch (error) {
    await backend[Symbol.asyncDispose]();
    throw error;
  }
  return {
    target: { uds },
    args: ["-chardev", `socket,id=vsock,path=${socket}`],
    device: { driver: "vhost-user-vsock-pci", chardev: "vsock" },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}
