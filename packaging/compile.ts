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

import { statSync } from "node:fs";
import {
  type Architecture,
  binaryPath,
  findArchitecture,
} from "./architecture.ts";
import { permissionFlags, permissions } from "./permissions.ts";
import { runScript, runTool, type Script, withProgress } from "./_script.ts";

const PROJECT = new URL("..", import.meta.url).pathname;
const MAIN = `${PROJECT}main.ts`;
const CONFIG = `${PROJECT}deno.json`;
/**
 * What V8 is told. It would let young garbage grow to 100 MB while sessions come
 * and go: with 2 MiB of it at most the agent has about 50 MB of its own after
 * 10,000 sessions in the place of 153, at the same speed. When idle it collects all
 * garbage itself.
 */
export const V8_FLAGS = "--max-semi-space-size=2,--expose-gc";
/** What to do where what Deno downloads for it cannot be had. */
const NO_RUNTIME =
  "it downloads the runtime of its version, denort, once: without a network name that file by the variable DENORT_BIN";
const NO_BUNDLER =
  "it downloads esbuild and the packages in deno.json from the npm registry, once: without a network fill Deno's cache before";
/** What the executable is made of. */
const SOURCES = [
  ...["main.ts", "deno.json", "packaging/compile.ts"],
  ...["packaging/permissions.ts", "agent", "cli", "client", "ffi", "protocol"],
].map((name) => `${PROJECT}${name}`);

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
    await withProgress("Compiling", () => compile(architecture, out));
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
  // Beside the result, which stays as it was should this fail.
  const executable = `${out}.new`;
  try {
    const script = `${folder}/cocoon-agent.js`;
    await bundle(script);
    // Outside the project, where neither its configuration nor its packages
    // are found and embedded.
    await runDeno(["compile", "--quiet", "--no-check", "--no-code-cache"], [
      "--no-config",
      "--no-lock",
      "--no-npm",
      "--no-remote",
      `--target=${architecture.target}`,
      `--v8-flags=${V8_FLAGS}`,
      ...permissionFlags(permissions(architecture.deno)),
      `--output=${executable}`,
      script,
    ], NO_RUNTIME);
    // A runtime of another version makes an executable that cannot start.
    if (architecture.deno === Deno.build.arch) {
      await runTool(await Deno.realPath(executable), { args: ["version"] });
    }
    await Deno.rename(executable, out);
  } finally {
    await Deno.remove(folder, { recursive: true });
    await Deno.remove(executable).catch(() => {});
  }
}

/**
 * Bundles the program and the packages that it uses to one script.
 *
 * @param out The script's path.
 * @throws {ToolError} If it cannot be bundled.
 */
export async function bundle(out: string): Promise<void> {
  // Minified it starts 2 ms sooner: there is less to parse.
  await runDeno(
    ["bundle", "--quiet", "--minify", `--config=${CONFIG}`, "--frozen"],
    [`--output=${out}`, MAIN],
    NO_BUNDLER,
  );
}

/**
 * Compiles the program for this machine, unless that was done since the source
 * was last changed.
 *
 * @param onCompile Called before it is compiled.
 * @returns The executable's path.
 * @throws {ToolError} If it cannot be compiled.
 */
export async function compileIfStale(onCompile?: () => void): Promise<string> {
  const architecture = findArchitecture("target");
  const out = binaryPath(architecture);
  if (modified(out) < Math.max(...SOURCES.flatMap(list).map(modified))) {
    onCompile?.();
    await compile(architecture, out);
  }
  return out;
}

/** Returns when a file was changed, or 0 if there is none. */
function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Returns a file, or those in a folder that the program is made of. */
function list(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return Array.from(Deno.readDirSync(path), ({ name }) => `${path}/${name}`)
    .filter((file) => !file.endsWith("_test.ts"));
}

async function runDeno(
  command: string[],
  args: string[],
  remedy: string,
): Promise<void> {
  await runTool(Deno.execPath(), { args: [...command, ...args], remedy });
}

if (import.meta.main) await runScript(SCRIPT, Deno.args);
