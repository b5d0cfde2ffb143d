/**
 * A guest as users build one: a minimal Debian that systemd boots, in which apt
 * has installed the agent's package.
 *
 * @module
 */

import { runTool } from "../_script.ts";
import type { MachineOptions } from "./machine.ts";
import { FAKEROOT, MMDEBSTRAP, SBIN_PATH } from "../tools.ts";

/** What an image is made of. */
export interface DebianImageOptions {
  /** The path of the agent's package. */
  readonly deb: string;
  /** A folder whose content is laid over the guest's root, and owned by root. */
  readonly overlay: string;
  /** The folder for the results. */
  readonly folder: string;
}

/** What a machine boots to run such a guest. */
export type DebianImage = Required<
  Pick<MachineOptions, "kernel" | "initrd" | "disk" | "commandLine">
>;

const SUITE = "bookworm";
const PACKAGES: readonly string[] = [
  "systemd-sysv",
  "dbus",
  // With its modules, and an initrd that is made when it is installed.
  "linux-image-cloud-amd64",
];
/** Binds the packages that are files here into the guest, for apt to find them. */
const HOOKS = "/usr/share/mmdebstrap/hooks/file-mirror-automount";
/** How large the disk is. What nothing was written to takes no space here. */
const DISK_SIZE = "2G";

/** What is the guest's own, by hooks that get its root as `$1`. */
const SETTINGS: readonly string[] = [
  'echo "/dev/vda / ext4 defaults 0 1" >"$1/etc/fstab"',
  // It would be this machine's.
  'echo guest >"$1/etc/hostname"',
];

/**
 * Turns a tarball into a file system, with the owners and the devices that are
 * in it, whoever does it.
 */
const MAKE_DISK = `
  PATH=$PATH:${SBIN_PATH}
  mkdir "$2"
  tar --extract --file "$1" --directory "$2"
  mke2fs -q -t ext4 -d "$2" "$3" "$4"`;

/**
 * Builds an image, with the kernel and the initrd that are in it beside it.
 *
 * @param options What it is made of.
 * @returns What a machine boots.
 * @throws {ToolError} If a tool is missing or fails.
 */
export async function buildDebianImage(
  options: DebianImageOptions,
): Promise<DebianImage> {
  const { deb, overlay, folder } = options;
  const kernel = `${folder}/vmlinuz`;
  const initrd = `${folder}/initrd.img`;
  const disk = `${folder}/disk.img`;
  const tarball = `${folder}/root.tar`;
  const tree = `${folder}/root`;
  // It becomes the mode of the guest's root.
  await Deno.chmod(overlay, 0o755);
  await runTool(MMDEBSTRAP.name, {
    args: [
      ...["--quiet", "--variant=minbase", "--format=tar"],
      ...[`--include=${PACKAGES.join(",")}`, `--include=${deb}`],
      `--hook-dir=${HOOKS}`,
      ...SETTINGS.map((hook) => `--customize-hook=${hook}`),
      `--customize-hook=sync-in '${overlay}' /`,
      `--customize-hook=download /vmlinuz '${kernel}'`,
      `--customize-hook=download /initrd.img '${initrd}'`,
      ...[SUITE, tarball],
    ],
  });
  await runTool(FAKEROOT.name, {
    args: ["sh", "-ec", MAKE_DISK, "sh", tarball, tree, disk, DISK_SIZE],
  });
  await Deno.remove(tarball);
  await Deno.remove(tree, { recursive: true });
  // What boot loaders are told by default: the root's own settings follow.
  return {
    kernel,
    initrd,
    disk,
    commandLine: "root=/dev/vda ro TERM=dumb systemd.show_status=1",
  };
}
