/**
 * The kernel that guests for trying and testing boot: Debian's for virtual
 * machines, as its package has it.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { runTool, startTool, ToolError } from "../_script.ts";

/** A kernel to boot. */
export interface GuestKernel {
  /** The path of the image, such as `vmlinuz`. */
  readonly image: string;
  /**
   * The folder with its modules, somewhere below which each is a file; without
   * it, all that a guest takes is built in.
   */
  readonly modules?: string;
}

/** Where it is kept. */
const FOLDER = new URL("../../dist/vm", import.meta.url).pathname;
/** Always depends on the package of the newest kernel. */
const PACKAGE = "linux-image-cloud-amd64";
const OTHERWISE =
  "elsewhere name a kernel by --kernel FILE and its modules by --modules FOLDER";

/**
 * Gets the kernel by apt-get, unless it is there already. Nothing is installed on
 * this machine.
 *
 * @param onDownload Called before it is downloaded.
 * @returns The kernel.
 * @throws {ToolError} If it cannot be downloaded.
 */
export async function getGuestKernel(
  onDownload?: () => void,
): Promise<GuestKernel> {
  const root = `${FOLDER}/kernel`;
  if (!existsSync(root)) {
    onDownload?.();
    const name = await findPackage();
    await Deno.mkdir(FOLDER, { recursive: true });
    // Beside the result, so that it can be moved into place.
    const temporary = await Deno.makeTempDir({ dir: FOLDER });
    try {
      await runTool("apt-get", {
        args: ["download", "-qq", "-o", "APT::Sandbox::User=root", name],
        cwd: temporary,
        hint: OTHERWISE,
        remedy: OTHERWISE,
      });
      const [archive] = Array.from(Deno.readDirSync(temporary));
      const tree = `${temporary}/tree`;
      await runTool("dpkg-deb", {
        args: ["--extract", `${temporary}/${archive!.name}`, tree],
      });
      await Deno.rename(tree, root);
    } finally {
      await Deno.remove(temporary, { recursive: true });
    }
  }
  const image = Array.from(Deno.readDirSync(`${root}/boot`))
    .find(({ name }) => name.startsWith("vmlinuz-"));
  if (image === undefined) {
    throw new ToolError(`Cannot find a kernel in "${root}/boot": remove it`);
  }
  return { image: `${root}/boot/${image.name}`, modules: root };
}

/** Returns the name of the package that holds the newest kernel. */
async function findPackage(): Promise<string> {
  const { stdout } = await startTool("apt-cache", {
    args: ["depends", "--important", PACKAGE],
    hint: OTHERWISE,
  }, { stdout: "piped", stderr: "null" }).output();
  const name = new TextDecoder().decode(stdout)
    .match(/Depends: (linux-image-\S+)/)?.[1];
  if (name === undefined) {
    throw new ToolError(
      `Cannot get a kernel: apt-get knows no package "${PACKAGE}"; on Debian run "apt-get update", ${OTHERWISE}`,
    );
  }
  return name;
}
