/**
 * A C library that is newer than this machine's, for guests.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { runTool, startTool, ToolError } from "../../packaging/_script.ts";

/** Debian 13, with glibc 2.41. */
const SUITE = "trixie";
const PACKAGE = "libc6";
/** Where it is kept. */
const FOLDER = new URL("../../dist/vm", import.meta.url).pathname;
/** What the agent's executable is linked to, and its loader. */
const FILES: readonly string[] = [
  "/lib64/ld-linux-x86-64.so.2",
  ...["libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1"]
    .map((name) => `/lib/x86_64-linux-gnu/${name}`),
];

/**
 * Gets the library by apt-get from the mirror that this machine uses, unless it is
 * there already. Nothing is installed on this machine.
 *
 * @returns The files for a guest's initial RAM file system, by the paths that they
 * get.
 * @throws {ToolError} If it cannot be downloaded.
 */
export async function getNewerLibc(): Promise<Record<string, string>> {
  const root = `${FOLDER}/${PACKAGE}-${SUITE}`;
  if (!existsSync(root)) {
    await Deno.mkdir(FOLDER, { recursive: true });
    // Beside the result, so that it can be moved into place.
    const temporary = await Deno.makeTempDir({ dir: FOLDER });
    try {
      await download(temporary);
      const archive = Array.from(Deno.readDirSync(temporary))
        .find(({ name }) => name.endsWith(".deb"));
      const tree = `${temporary}/tree`;
      await runTool("dpkg-deb", {
        args: ["--extract", `${temporary}/${archive!.name}`, tree],
      });
      await Deno.rename(tree, root);
    } finally {
      await Deno.remove(temporary, { recursive: true });
    }
  }
  return Object.fromEntries(FILES.map((path) => [path, `${root}/usr${path}`]));
}

/** Downloads the package to a folder, by lists of packages that are kept there. */
async function download(folder: string): Promise<void> {
  const mirror = await findMirror();
  const sources = `${folder}/sources.list`;
  await Deno.mkdir(`${folder}/lists`);
  await Deno.writeTextFile(
    sources,
    `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${SUITE} main\n`,
  );
  const options = [
    ...[`Dir::Etc::SourceList=${sources}`, "Dir::Etc::SourceParts=-"],
    ...[`Dir::State::Lists=${folder}/lists`, `Dir::Cache=${folder}/cache`],
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  for (const command of [["update"], ["download", PACKAGE]]) {
    await runTool("apt-get", {
      args: ["-qq", ...options, ...command],
      cwd: folder,
    });
  }
}

/** Returns where this machine gets Debian's packages from. */
async function findMirror(): Promise<string> {
  const { stdout } = await startTool("apt-get", {
    args: [
      ...["indextargets", "--format", "$(REPO_URI)"],
      ...["Identifier: Packages", "Component: main"],
      ...["Origin: Debian", "Label: Debian"],
    ],
  }, { stdout: "piped", stderr: "null" }).output();
  const [mirror] = new TextDecoder().decode(stdout).split("\n");
  if (mirror === "") {
    throw new ToolError(
      `Cannot get "${PACKAGE}" of Debian ${SUITE}: apt-get knows no mirror of Debian; run "apt-get update"`,
    );
  }
  return mirror!;
}
