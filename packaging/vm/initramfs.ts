/**
 * The smallest guest there is: an initramfs with busybox and the agent.
 *
 * @module
 */

import { statSync } from "node:fs";
import type { GuestKernel } from "./guest_kernel.ts";
import { findProgram } from "../../ffi/program.ts";
import { runTool, startTool, ToolError } from "../_script.ts";
import { BUSYBOX } from "../tools.ts";

/** What an initramfs is made of. */
export interface InitramfsOptions {
  /** The path of the agent's executable. */
  readonly binary: string;
  /** The kernel that it is for. */
  readonly kernel: GuestKernel;
  /** The absolute path of the result. */
  readonly out: string;
  /** More programs, with their libraries, at the paths that they have here. */
  readonly programs?: readonly string[];
  /**
   * More files and folders, by the paths that they get, also in the place of what
   * is there otherwise.
   */
  readonly files?: Readonly<Record<string, string>>;
  /** More modules, in the order in which they need each other. */
  readonly modules?: readonly string[];
}

/**
 * The modules that vsock takes, in the order in which they need each other. What
 * a kernel has no file for it has built in.
 */
const MODULES: readonly string[] = [
  "virtio_ring",
  "virtio",
  "virtio_pci_legacy_dev",
  "virtio_pci_modern_dev",
  "virtio_pci",
  "vsock",
  "vmw_vsock_virtio_transport_common",
  "vmw_vsock_virtio_transport",
  "vsock_loopback",
];

/** What such a guest's console says when the agent in it listens. */
export const LISTENING = "Listening on vsock port";

/** What is the same in every guest: the first program, and its settings. */
const SOURCE = new URL("initramfs", import.meta.url).pathname;

/**
 * Builds an initramfs in which busybox's init keeps the agent running.
 *
 * @param options What it is made of.
 * @throws {ToolError} If a tool is missing or fails.
 */
export async function buildInitramfs(options: InitramfsOptions): Promise<void> {
  const { binary, kernel, out } = options;
  const { programs = [], files = {}, modules = [] } = options;
  const busybox = findProgram(BUSYBOX.name, Deno.env.get("PATH"));
  const contents: [to: string, from: string][] = [
    ["/bin/busybox", busybox],
    ["/usr/bin/cocoon-agent", binary],
  ];
  for (const program of programs) contents.push([program, program]);
  for (const program of [busybox, binary, ...programs]) {
    for (const library of await findLibraries(program)) {
      contents.push([library, library]);
    }
  }
  contents.push(...Object.entries(files));
  const paths = findModules(kernel, [...MODULES, ...modules]);
  for (const [index, path] of paths.entries()) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const order = String(index).padStart(2, "0");
    contents.push([`/lib/modules/${order}-${name}`, path]);
  }

  const tree = await Deno.makeTempDir({ prefix: "cocoon-agent-initramfs-" });
  try {
    // It becomes the mode of the guest's root folder.
    await Deno.chmod(tree, 0o755);
    await copy(`${SOURCE}/.`, tree);
    for (const [to, from] of contents) {
      const path = `${tree}${to}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), {
        recursive: true,
      });
      await copy(from, path);
    }
    await runTool(busybox, {
      // The format is newc, as the kernel's documentation calls it.
      args: [
        ...["sh", "-c", 'find . | "$0" cpio -o -H newc -R 0:0 -F "$1"'],
        ...[busybox, out],
      ],
      cwd: tree,
    });
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

/** Copies a file, or a folder, following the links in it. */
async function copy(from: string, to: string): Promise<void> {
  await runTool("cp", { args: ["-RL", from, to] });
}

/**
 * Returns the paths of the libraries and the loader that a program needs: none,
 * if it is a static one.
 */
async function findLibraries(program: string): Promise<string[]> {
  const { stdout } = await startTool("ldd", {
    args: [program],
    hint: "it comes with the C library",
  }, { stdout: "piped", stderr: "null" }).output();
  const text = new TextDecoder().decode(stdout);
  const missing = text.match(/^\s*(\S+) => not found$/m)?.[1];
  if (missing !== undefined) {
    throw new ToolError(
      `Cannot put "${program}" into a guest: its library "${missing}" isn't here`,
    );
  }
  return Array.from(text.matchAll(/(\/\S+) \(0x/g), ([, path]) => path!);
}

/** Returns the paths of the modules that the kernel has as files, in order. */
function findModules(
  { modules }: GuestKernel,
  names: readonly string[],
): string[] {
  if (modules === undefined) return [];
  const paths = new Map<string, string>();
  const search = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const path = `${folder}/${name}`;
      const [, module] = name.match(/^([^.]+)\.ko(\.|$)/) ?? [];
      if (isDirectory) search(path);
      else if (module !== undefined) paths.set(module, path);
    }
  };
  if (statSync(modules, { throwIfNoEntry: false })?.isDirectory()) {
    search(modules);
  }
  const found = names.flatMap((name) => paths.get(name) ?? []);
  if (found.length === 0) {
    throw new ToolError(
      `Cannot find the modules for vsock in "${modules}": name the folder with those of the kernel`,
    );
  }
  return found;
}
