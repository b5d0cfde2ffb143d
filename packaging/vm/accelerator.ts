/**
 * What runs a guest's code: the processor by KVM, or QEMU itself.
 *
 * @module
 */

import { isUsable, QEMU } from "../tools.ts";
import { BoundProcess } from "./bound_process.ts";

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
/** What every kernel says first. */
const BANNER = "Linux version";
/** How long that may take, in milliseconds: with KVM it takes a fifth of that. */
const BANNER_TIMEOUT = 2000;

/**
 * Chooses KVM if a kernel starts with it. That its device is there says little: a
 * virtual machine may have it, and not all that it takes, or a KVM for kernels
 * that were made for it alone.
 *
 * @param kernel The path of the kernel's image.
 * @returns The choice.
 */
export async function chooseAccelerator(
  kernel: string,
): Promise<AcceleratorChoice> {
  if (!isUsable(KVM)) {
    return { accelerator: "tcg", fault: `no ${KVM} that this user may use` };
  }
  await using process = BoundProcess.start(QEMU.name, [
    ...["-accel", "kvm", "-machine", "q35", "-cpu", "max", "-m", "128M"],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-serial", "stdio", "-kernel", kernel],
    ...["-append", "earlyprintk=ttyS0 panic=-1"],
  ], "piped");
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    process[Symbol.asyncDispose]();
  }, BANNER_TIMEOUT);
  try {
    await process.stdin.close();
    let console = "";
    const parts = process.stdout.pipeThrough(new TextDecoderStream());
    for await (const part of parts) {
      console += part;
      if (console.includes(BANNER)) return { accelerator: "kvm" };
    }
  } finally {
    clearTimeout(timer);
  }
  const [words] = (await process.ended).trim().split("\n");
  return {
    accelerator: "tcg",
    fault: late || !words ? "the guest's kernel doesn't start with it" : words,
  };
}
