/**
 * Runs the tests of the ffi layer, and those against a real agent, on arm64: by
 * QEMU's emulation of a single program, on a machine of another architecture.
 *
 * The ffi layer's tests run inside Deno for arm64. The others run in this
 * machine's Deno, and only the program that they test is Deno for arm64; the
 * commands that it runs are this machine's own. What is skipped there, and why,
 * is in `_emulated.ts`.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { findArchitecture } from "./architecture.ts";
import { bundle } from "./compile.ts";
import { unpackNpmFile } from "./npm_file.ts";
import { permissionFlags, permissions } from "./permissions.ts";
import { runScript, type Script, ToolError } from "./_script.ts";
import { requireTools, type Tool } from "./tools.ts";

/** Deno for arm64, which its npm package needs not be of this one's version. */
const PACKAGE = "@deno/linux-arm64-glibc@2.9.5";
const EXECUTABLE = "package/deno";
/** The archive's integrity, as the npm registry and lock files have it. */
const SHA_512 =
  "IuYjsz9PGl7CJcNXMuN27KNDB8Q40brK3SG3l+TXMDVW61ZKwcn0fQHBHnXFiiygEwI8by/fKnASEluhZB1atw==";

const EMULATOR = "qemu-aarch64-static";
/**
 * An older processor: Deno starts in half the time without the authentication
 * of pointers, whose cipher is emulated too.
 */
const PROCESSOR = "cortex-a57";
const COMPILER = "aarch64-linux-gnu-gcc";
/** The C library for arm64, and what else Debian has of such libraries. */
const LIBRARIES = "/usr/aarch64-linux-gnu/lib";
const LOADER = "ld-linux-aarch64.so.1";
const TOOLS: readonly Tool[] = [
  { name: EMULATOR, install: "apt-get install qemu-user-static" },
  {
    name: COMPILER,
    install: "apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
  },
];

/**
 * Tests that are left out: each starts clients or hundreds of sessions, which takes
 * seconds here, or takes from the emulator what it needs itself, or has the kernel
 * refuse what the emulator doesn't; and what of them depends on the machine is the
 * ffi layer's.
 */
const LEFT_OUT: readonly string[] = [
  ...["tests/faults", "tests/fuzz_findings_test.ts", "tests/limits_test.ts"],
  ...["tests/audit_file_test.ts", "tests/audit_flood_test.ts"],
  ...["tests/audit_links_test.ts", "tests/policy_test.ts"],
  ...["tests/control_test.ts", "tests/host_adapter_test.ts"],
  "tests/client_flags_test.ts",
  ...["tests/client_output_test.ts", "tests/client_stdin_failure_test.ts"],
  ...["tests/terminal_end_test.ts", "tests/completion_test.ts"],
  ...["tests/flood_test.ts", "tests/heavy_frames_test.ts"],
  ...["tests/room_test.ts", "tests/oracle_test.ts", "tests/user_test.ts"],
  ...["tests/hostile_words_test.ts", "tests/dead_mount_test.ts"],
  ...["tests/docs_test.ts", "tests/bytes_test.ts"],
  ...["tests/terminal_test.ts", "tests/client_terminal_test.ts"],
  "tests/tmux_test.ts",
];

/** How many times as long anything may take as without emulation. */
const PATIENCE = 5;

const PROJECT = new URL("..", import.meta.url).pathname;
const CACHE = `${PROJECT}dist/arm64`;
const PRELOAD = `${PROJECT}packaging/_emulated.ts`;

const SCRIPT: Script = {
  usage: "deno task test:arm64",
  flags: [],
  async run() {
    const programs = await preparePrograms();
    const ffi = await runTests(programs.deno, [
      ...["test", "--allow-all", "--no-check", "--frozen", "--quiet"],
      ...["--preload", "./ffi/_test_utils.ts", "--preload", PRELOAD, "ffi"],
    ], {
      DENO_TEST_SANITIZE_OPS: "1",
      DENO_TEST_SANITIZE_RESOURCES: "1",
      COCOON_EMULATED_DENO: programs.deno,
      // Here is the "cc" that the test of the C headers finds.
      PATH: `${CACHE}/bin:${Deno.env.get("PATH")}`,
    });
    const e2e = await runTests(Deno.execPath(), [
      ...["task", "--quiet", "test:e2e", "--preload", PRELOAD],
      `--ignore=${LEFT_OUT.join(",")}`,
    ], {
      COCOON_AGENT: programs.agent,
      COCOON_AGENT_ARCH: "aarch64",
      COCOON_PATIENCE: String(PATIENCE),
    });
    if (!ffi || !e2e) {
      throw new ToolError("Tests failed in the emulated runtime, see above");
    }
  },
};

/** Makes the programs that the emulator runs, in a folder that git ignores. */
async function preparePrograms(): Promise<{ deno: string; agent: string }> {
  const architecture = findArchitecture("debian", "arm64");
  requireTools("test on arm64", TOOLS);
  await Deno.mkdir(`${CACHE}/bin`, { recursive: true });
  await makeRoot(`${CACHE}/root`);
  const runtime = await getRuntime();
  const emulator = [EMULATOR, "-cpu", PROCESSOR, "-L", `${CACHE}/root`];

  const deno = `${CACHE}/bin/deno-arm64`;
  await writeScript(deno, `exec ${quote([...emulator, runtime])} "$@"`);

  // Compiles to a program that runs here, when called as "cc -o FILE SOURCE".
  await writeScript(
    `${CACHE}/bin/cc`,
    `${COMPILER} "$@" || exit
[ "$1" = -o ] || exit 0
mv "$2" "$2.arm64"
echo '#!/bin/sh' >"$2"
echo "exec ${quote(emulator).replaceAll('"', '\\"')} '$2.arm64'" >>"$2"
chmod +x "$2"`,
  );

  const script = `${CACHE}/cocoon-agent.js`;
  await bundle(script);
  const agent = `${CACHE}/bin/cocoon-agent`;
  const run = [
    ...[deno, "run", "--quiet", "--no-check", "--no-code-cache"],
    ...["--no-config", "--no-lock", "--no-npm", "--no-remote"],
    ...permissionFlags(permissions(architecture.deno)),
    script,
  ];
  await writeScript(agent, `exec ${quote(run)} "$@"`);
  return { deno, agent };
}

/** Lays the libraries out as arm64 itself has them, for the emulator. */
async function makeRoot(root: string): Promise<void> {
  await Deno.remove(root, { recursive: true }).catch(() => {});
  await Deno.mkdir(`${root}/lib`, { recursive: true });
  await Deno.symlink(LIBRARIES, `${root}/lib/aarch64-linux-gnu`);
  await Deno.symlink(`${LIBRARIES}/${LOADER}`, `${root}/lib/${LOADER}`);
}

/** Gets Deno for arm64, unless it is there. */
async function getRuntime(): Promise<string> {
  const path = `${CACHE}/${PACKAGE.slice(PACKAGE.lastIndexOf("/") + 1)}`;
  if (existsSync(path)) return path;

  // Beside the result, so that it can be moved into place.
  const temporary = await Deno.makeTempDir({ dir: CACHE });
  try {
    const { archive, path: executable } = await unpackNpmFile(
      PACKAGE,
      EXECUTABLE,
      temporary,
    );
    const data = await Deno.readFile(archive);
    const digest = createHash("sha512").update(data).digest("base64");
    if (digest !== SHA_512) {
      throw new ToolError(
        `Cannot use "${PACKAGE}": its SHA-512 is ${digest}, and not ${SHA_512}`,
      );
    }
    await Deno.chmod(executable, 0o755);
    await Deno.rename(executable, path);
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
  return path;
}

/** Runs tests, shows what they say, and returns whether all passed. */
async function runTests(
  program: string,
  args: string[],
  env: Record<string, string>,
): Promise<boolean> {
  const { success } = await new Deno.Command(program, {
    args,
    env: { DENO_NO_UPDATE_CHECK: "1", ...env },
    cwd: PROJECT,
    stdin: "null",
  }).spawn().status;
  return success;
}

async function writeScript(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(path, `#!/bin/sh\n${text}\n`);
  await Deno.chmod(path, 0o755);
}

/** Formats arguments for the shell. */
function quote(args: readonly string[]): string {
  return args.map((arg) =>
    /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`
  ).join(" ");
}

if (import.meta.main) await runScript(SCRIPT, Deno.args);
