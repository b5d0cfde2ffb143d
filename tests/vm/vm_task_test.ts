import { assert, assertEquals, assertMatch } from "@std/assert";
import { killChild } from "../../packaging/kill_child.ts";
import { bounded, until, within } from "../_bounded.ts";
import { childrenOf, processStat } from "../_proc.ts";
import { ENVIRONMENT, SOURCES } from "../_program.ts";
import { text } from "../_wire.ts";
import { BOOT_TIMEOUT } from "./_guest.ts";

/** How long a test may take, in milliseconds. */
const PATIENCE = 180_000;

/** The scripts that have not ended. */
const running = new Set<Deno.ChildProcess>();

/** The task's script, with a folder of its own for temporary files. */
function startScript(
  folder: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Deno.ChildProcess {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "packaging/vm.ts", ...args],
    env: { ...ENVIRONMENT, TMPDIR: folder, ...env },
    cwd: SOURCES,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  running.add(process);
  process.status.then(() => running.delete(process));
  return process;
}

/** Returns all that a process has started, and they in turn. */
function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [
    child.pid,
    ...descendantsOf(child.pid),
  ]);
}

function withFolder(
  test: (folder: string, t: Deno.TestContext) => Promise<void>,
): (t: Deno.TestContext) => Promise<void> {
  return bounded(async (t) => {
    const folder = await Deno.makeTempDir({ prefix: "vm-task-" });
    try {
      await test(folder, t);
    } finally {
      // What a test that failed has left.
      for (const process of running) killChild(process);
      await Deno.remove(folder, { recursive: true });
    }
  }, PATIENCE);
}

Deno.test(
  "deno task vm runs one command in a guest, with its exit code",
  withFolder(async (folder) => {
    const script = "cat /proc/cmdline; echo err >&2; exit 7";
    const process = startScript(folder, ["--", "sh", "-c", script]);
    const { code, stdout, stderr } = await within(
      process.output(),
      "the end of the script",
      BOOT_TIMEOUT,
    );
    assertEquals([code, text(stderr)], [7, "err\n"]);
    assertMatch(text(stdout), /^console=ttyS0/);
    assertEquals(Array.from(Deno.readDirSync(folder)), []);
  }),
);

Deno.test(
  "deno task vm leaves a guest running, and ends it when it is told to",
  withFolder(async (folder) => {
    for (const signal of ["SIGINT", "SIGKILL"] as const) {
      const process = startScript(folder);
      const decoder = new TextDecoder();
      let printed = "";
      const reader = process.stdout.getReader();
      while (!printed.includes("uname")) {
        const { value, done } = await within(
          reader.read(),
          "the guest",
          BOOT_TIMEOUT,
        );
        assert(!done, printed);
        printed += decoder.decode(value);
      }
      // What it says to try works as it is.
      const [, command] = printed.match(/^ +(\S+ client .*)$/m)!;
      const tried = await new Deno.Command("sh", {
        args: ["-c", command!],
        cwd: SOURCES,
        env: ENVIRONMENT,
      }).output();
      assertMatch(text(tried.stdout), /^Linux guest /);

      const started = descendantsOf(process.pid);
      const names = started.map((pid) => processStat(pid)?.name);
      assert(names.includes("qemu-system-x86"), String(names));
      process.kill(signal);
      await reader.cancel();
      const { code } = await within(process.status, "the end of the script");
      assertEquals(code, signal === "SIGINT" ? 130 : 137);
      await process.stderr.cancel();
      await until(
        () => started.every((pid) => processStat(pid) === undefined),
        () => `the end of ${JSON.stringify(started.map(processStat))}`,
      );
      if (signal === "SIGINT") {
        assertEquals(Array.from(Deno.readDirSync(folder)), []);
      }
    }
  }),
);

Deno.test(
  "deno task vm says what is missing, and how to install it",
  withFolder(async (folder) => {
    const process = startScript(folder, [], { PATH: "/nowhere" });
    const { code, stderr } = await within(process.output(), "its end");
    assertEquals(code, 1);
    assertMatch(
      text(stderr),
      /^Cannot boot a guest: .*\n {2}qemu-system-x86_64: apt-get install qemu-system-x86\n {2}busybox: /,
    );
  }),
);
