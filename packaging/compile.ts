/**
 * Compiles the agent and its client to one executable.
 *
 * The modules are bundled to one file first, so that no npm package is embedded
 * with it: the executable is smaller by what those hold, and starts quicker by
 * some ninety files that need not be found.
 *
 * The code cache is off. A compiled program keeps it in the shared folder for
 * temporary files, under a name that anybody can tell, and runs what it finds
 * there: any user of the machine could have code of theirs run as root.
 *
 * @module
 */

import {
  type Architecture,
  binaryPath,
  findArchitecture,
} from "./architecture.ts";
import { permissionFlags, permissions } from "./permissions.ts";
import { runScript, runTool, type Script } from "./_script.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../deno.json", import.meta.url).pathname;

const SCRIPT: Script = {
  usage: "deno task compile [--target TARGET] [--out FILE]",
  flags: [
    {
      name: "target",
      value: "TARGET",
      description:
        "x86_64-unknown-linux-gnu or aarch64-unknown-linux-gnu (default: this machine's)",
    },
    {
      name: "out",
      value: "FILE",
      description:
        "The executable (default: dist/cocoon-agent, for another machine's dist/cocoon-agent-ARCH)",
    },
  ],
  async run(flags) {
    const architecture = findArchitecture("target", flags.get("target"));
    const out = flags.get("out") ?? binaryPath(architecture);
    await compile(architecture, out);
    const { size } = await Deno.stat(out);
    console.log(`${out}: ${(size / 1e6).toFixed(1)} MB`);
  },
};

/**
 * Compiles the program with exactly the permissions that it needs.
 *
 * @param architecture What to compile for.
 * @param out The executable's path.
 * @throws {ToolError} If it cannot be compiled.
 */
export async function compile(
  architecture: Architecture,
  out: string,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cocoon-agent-compile-" });
  try {
    const bundle = `${folder}/cocoon-agent.js`;
    await runDeno(["bundle", "--quiet", `--config=${CONFIG}`, "--frozen"], [
      `--output=${bundle}`,
      MAIN,
    ]);
    // Outside the project, where neither its configuration nor its packages
    // are found and embedded.
    await runDeno(["compile", "--quiet", "--no-check", "--no-code-cache"], [
      "--no-config",
      "--no-lock",
      "--no-npm",
      "--no-remote",
      `--target=${architecture.target}`,
      ...permissionFlags(permissions(architecture.deno)),
      `--output=${out}`,
      bundle,
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runDeno(command: string[], args: string[]): Promise<void> {
  await runTool(Deno.execPath(), { args: [...command, ...args] });
}

if (import.meta.main) await runScript(SCRIPT, Deno.args);
