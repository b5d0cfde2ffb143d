/**
 * Tools that have to be installed: what boots guests takes, and how to get it.
 *
 * @module
 */

import { OsError } from "../ffi/errno.ts";
import { findProgram } from "../ffi/program.ts";
import { ToolError } from "./_script.ts";

/** A program that has to be installed. */
export interface Tool {
  /** The program's name. */
  readonly name: string;
  /** The command that installs it. */
  readonly install: string;
}

/** The emulator. */
export const QEMU: Tool = {
  name: "qemu-system-x86_64",
  install: "apt-get install qemu-system-x86",
};

/** Serves a vsock device where the kernel doesn't. */
export const VHOST_USER_VSOCK: Tool = {
  name: "vhost-device-vsock",
  install: "cargo install --locked --version 0.3.0 vhost-device-vsock",
};

/** All programs of the small guest. */
export const BUSYBOX: Tool = {
  name: "busybox",
  install: "apt-get install busybox-static",
};

/** Starts programs that end with the one that started them. */
export const SETPRIV: Tool = {
  name: "setpriv",
  install: "apt-get install util-linux",
};

/** Builds a Debian. */
export const MMDEBSTRAP: Tool = {
  name: "mmdebstrap",
  install: "apt-get install mmdebstrap",
};

/** Lets files have owners that only root could give them. */
export const FAKEROOT: Tool = {
  name: "fakeroot",
  install: "apt-get install fakeroot",
};

/** Makes a file system in a file. */
export const MKE2FS: Tool = {
  name: "mke2fs",
  install: "apt-get install e2fsprogs",
};

/** Where there are tools that users other than root don't have in their PATH. */
export const SBIN_PATH = "/usr/sbin:/sbin";

/**
 * Checks that tools are installed.
 *
 * @param purpose What they are for, for the message.
 * @param tools The tools.
 * @throws {ToolError} If some are missing; the message says how to get each.
 */
export function requireTools(purpose: string, tools: readonly Tool[]): void {
  const missing = tools.filter(({ name }) => !isInstalled(name));
  if (missing.length === 0) return;
  const lines = missing.map(({ name, install }) => `  ${name}: ${install}`);
  throw new ToolError(
    `Cannot ${purpose}: what is missing, and how to install it:\n${
      lines.join("\n")
    }`,
  );
}

function isInstalled(name: string): boolean {
  try {
    findProgram(name, `${Deno.env.get("PATH") ?? ""}:${SBIN_PATH}`);
    return true;
  } catch (error) {
    if (error instanceof OsError) return false;
    throw error;
  }
}

/**
 * Returns whether there is a device that this user may use.
 *
 * @param path The device's path.
 */
export function isUsable(path: string): boolean {
  try {
    Deno.openSync(path, { read: true, write: true }).close();
    return true;
  } catch {
    return false;
  }
}
