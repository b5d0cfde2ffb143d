/**
 * What runs a guest's code: the processor by KVM, or QEMU itself.
 *
 * @module
 */

import { ToolError } from "../_script.ts";
import { isUsable, QEMU } from "../tools.ts";
import { BoundProcess } from "./bound_process.ts";
import { Qmp } from "./qmp.ts";

/** What QEMU calls them. */
export type Accelerator = "kvm" | "tcg";

/** The better accelerator that this machine has. */
export interface AcceleratorChoice {
  /** The accelerator. */
  readonly accelerator: Accelerator;
  /** Why KVM cannot be used, unless it is. */
  readonly fault?: string;
}

const KVM = "/dev/kvm";

/**
 * Chooses KVM if a machine starts with it. That its device is there says little:
 * a virtual machine may have it, and not all that it takes.
 *
 * @returns The choice.
 */
export async function chooseAccelerator(): Promise<AcceleratorChoice> {
  if (!isUsable(KVM)) {
    return { accelerator: "tcg", fault: `no ${KVM} that this user may use` };
  }
  await using process = BoundProcess.start(QEMU.name, [
    ...["-accel", "kvm", "-machine", "q35", "-cpu", "max", "-S"],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-qmp", "stdio"],
  ], "piped");
  await using qmp = new Qmp(process.stdout, process.stdin);
  try {
    await qmp.begin();
    return { accelerator: "kvm" };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    await process[Symbol.asyncDispose]();
    const [words] = (await process.ended).trim().split("\n");
    return { accelerator: "tcg", fault: words || error.message };
  }
}
