import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { type Agent, startAgent } from "./_agent.ts";
import { bounded, until, within } from "./_bounded.ts";
import { childrenOf, processStat } from "./_proc.ts";
import { programArgs } from "./_program.ts";
import { Running } from "./_running.ts";
import { lacks } from "./_tools.ts";
import { randomBytes, sha256, text } from "./_wire.ts";

const ignore = lacks("go");
const SOURCE = new URL("host_adapter", import.meta.url).pathname;
/** Compiling takes its time on a machine that is busy with other tests. */
const BUILD_PATIENCE = 300_000;

let folder: string | undefined;
let built: Promise<string> | undefined;

globalThis.addEventListener("unload", () => {
  if (folder !== undefined) Deno.removeSync(folder, { recursive: true });
});

/** Builds the adapter, once for all tests. */
function adapter(): Promise<string> {
  return built ??= build();
}

async function build(): Promise<string> {
  folder = Deno.makeTempDirSync({ prefix: "adapter-" });
  const { success, stderr } = await new Deno.Command("go", {
    args: ["build", "-o", `${folder}/adapter`, "."],
    cwd: SOURCE,
    env: {
      GOCACHE: `${folder}/cache`,
      GOPATH: `${folder}/path`,
      GOFLAGS: "-mod=mod",
      GOTOOLCHAIN: "local",
      GOPROXY: "off",
      GOTELEMETRY: "off",
      CGO_ENABLED: "0",
    },
  }).output();
  if (!success) throw new Error(`Cannot build the adapter: ${text(stderr)}`);
  return `${folder}/adapter`;
}

/** Starts the adapter for an agent at a path. */
async function start(
  path: string,
  argv: readonly string[],
  flags: readonly string[] = [],
): Promise<Running> {
  const client = programArgs("client", ["--unix", path]).join(" ");
  return new Running(
    [await adapter(), "-client", client, ...flags, "--", ...argv],
  );
}

/** Reads how the command ended, according to the adapter. */
async function resultOf(running: Running): Promise<Record<string, unknown>> {
  assertEquals(await running.code, 0, running.stderr.text);
  return JSON.parse(running.stderr.text.trimEnd().split("\n").at(-1)!);
}

/** Runs a shell script without input. */
async function run(
  agent: Agent,
  script: string,
): Promise<{ result: Record<string, unknown>; running: Running }> {
  await using running = await start(agent.path, ["sh", "-c", script]);
  await running.closeStdin();
  return { result: await resultOf(running), running };
}

/** Defines a test that has an agent. */
function test(
  name: string,
  fn: (agent: Agent, t: Deno.TestContext) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore,
    async fn(t) {
      await within(adapter(), "the adapter to be built", BUILD_PATIENCE);
      await bounded(async () => {
        await using agent = await startAgent();
        await fn(agent, t);
      })(t);
    },
  });
}

test("the host adapter passes both outputs and the exit code on", async (agent) => {
  const cases: [script: string, exit: Record<string, unknown>][] = [
    ["echo out; echo err >&2", { code: 0 }],
    ["echo out; echo err >&2; exit 3", { code: 3 }],
    // The client's own code for its failures, but here it is the command's.
    ["echo out; echo err >&2; exit 125", { code: 125 }],
    [
      "echo out; echo err >&2; kill -TERM $$",
      { code: 143, signal: "SIGTERM" },
    ],
  ];
  for (const [script, exit] of cases) {
    const { result, running } = await run(agent, script);
    assertEquals(result, { exit });
    assertEquals(running.stdout.text, "out\n");
    assertMatch(running.stderr.text, /^err\n\{[^\n]*\}\n$/);
  }
});

test(
  "the host adapter tells failures from the command's exit codes",
  async (agent, t) => {
    await t.step("no agent", async () => {
      await using running = await start("/nonexistent/agent.sock", ["true"]);
      const { error } = await resultOf(running) as { error: ErrorLine };
      assertEquals(error.code, "connection");
      assertStringIncludes(error.message, "/nonexistent/agent.sock");
    });
    await t.step("no such program", async () => {
      await using running = await start(agent.path, ["no-such-program"]);
      const { error } = await resultOf(running) as { error: ErrorLine };
      assertEquals(error.code, "not_found");
      assertStringIncludes(error.message, "no-such-program");
    });
    await t.step("no client", async () => {
      await using running = new Running(
        [await adapter(), "-client", "/nonexistent/client", "--", "true"],
      );
      const { error } = await resultOf(running) as { error: ErrorLine };
      assertEquals(error.code, "client");
    });
    await t.step("no target", async () => {
      await using running = new Running([
        ...[await adapter(), "-client"] as const,
        programArgs("client", []).join(" "),
        ...["--", "true"],
      ]);
      const { error } = await resultOf(running) as { error: ErrorLine };
      assertEquals(error.code, "usage");
    });
    await t.step("a connection that breaks", async () => {
      await using doomed = await startAgent();
      await using running = await start(doomed.path, [
        ...["sh", "-c", "echo $$; exec sleep 60 >&- 2>&-"],
      ]);
      const pid = Number(await running.stdout.expect(/^\d+\n/));
      doomed.kill("SIGKILL");
      const { error } = await resultOf(running) as { error: ErrorLine };
      assertEquals(error.code, "connection");
      Deno.kill(pid, "SIGKILL");
    });
  },
);

test("the host adapter passes stdin on, and its end", async (agent) => {
  await using running = await start(agent.path, [
    ...["sh", "-c", 'read -r first; echo "<$first>"; wc -l'],
  ]);
  await running.write("one\n");
  await running.stdout.expect("<one>\n");
  await running.write("two\nthree\n");
  await running.closeStdin();
  assertEquals(await resultOf(running), { exit: { code: 0 } });
  assertEquals(running.stdout.text.trim().split(/\s+/), ["<one>", "2"]);
});

test("the host adapter ends with the command though stdin stays open", async (agent) => {
  await using running = await start(agent.path, ["sh", "-c", "exit 4"]);
  assertEquals(await resultOf(running), { exit: { code: 4 } });
});

test("the host adapter moves bytes there and back, unchanged", async (agent) => {
  const bytes = randomBytes(32 * 1024 * 1024 + 7);
  const client = programArgs("client", ["--unix", agent.path]).join(" ");
  const process = new Deno.Command(await adapter(), {
    args: ["-client", client, "--", "cat"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [output] = await Promise.all([
    process.output(),
    new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeTo(process.stdin),
  ]);
  assertEquals(text(output.stderr), '{"exit":{"code":0}}\n');
  assertEquals(await sha256(output.stdout), await sha256(bytes));
});

test("the host adapter sends signals", async (agent) => {
  const script =
    "trap 'echo one' USR1; trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done";
  await using running = await start(agent.path, ["sh", "-c", script]);
  await running.stdout.expect("ready\n");
  running.kill("SIGUSR1");
  await running.stdout.expect("one\n");
  running.kill("SIGTERM");
  assertEquals(await resultOf(running), { exit: { code: 9 } });
});

test("the host adapter gives the command a terminal, and resizes it", async (agent) => {
  const script = `
      stty -echo; stty size; tty
      trap 'stty size; read -r x; echo "<$x>"; exit 3' WINCH
      echo ready; while :; do sleep 0.05; done`;
  await using running = await start(agent.path, ["bash", "-c", script], [
    ...["-tty", "-resize", "40x120"],
  ]);
  await running.stdout.expect("24 80\r\n");
  await running.stdout.expect(/^\/dev\/pts\/\d+\r\nready\r\n/);
  running.kill("SIGWINCH");
  await running.stdout.expect("40 120\r\n");
  await running.write("~.\n");
  await running.stdout.expect("<~.>\r\n");
  assertEquals(await resultOf(running), { exit: { code: 3 } });
});

test("the host adapter kills the command when it is cancelled", async (agent) => {
  const script = "trap '' HUP INT TERM; echo $$; while :; do sleep 0.05; done";
  const cancelled = { cancelled: "context canceled" };
  for (const tty of [false, true]) {
    await using running = await start(
      agent.path,
      ["sh", "-c", script],
      tty ? ["-tty"] : [],
    );
    const pid = Number((await running.stdout.expect(/(\d+)\r?\n/))[1]);
    assert(processStat(pid) !== undefined);
    running.kill("SIGINT");
    assertEquals(await resultOf(running), cancelled);
    await until(() => !processStat(pid), "the command's end");
  }
  await using running = await start(agent.path, ["sleep", "60"], [
    ...["-cancel-after", "300ms"],
  ]);
  assertEquals(await resultOf(running), cancelled);
  await until(() => agent.children.length === 0, "the command's end");
});

test("the host adapter takes client and command with it when it is killed", async (agent) => {
  await using running = await start(agent.path, [
    ...["sh", "-c", "echo $$; exec sleep 60"],
  ]);
  const pid = Number(await running.stdout.expect(/^\d+\n/));
  const client = clientOf(running);
  running.kill("SIGKILL");
  await until(() => isGone(client), "the client's end");
  await until(() => !processStat(pid), "the command's end");
});

test("the host adapter says so when the client is killed", async (agent) => {
  await using running = await start(agent.path, [
    ...["sh", "-c", "echo $$; exec sleep 60"],
  ]);
  const pid = Number(await running.stdout.expect(/^\d+\n/));
  Deno.kill(clientOf(running), "SIGKILL");
  const { error } = await resultOf(running) as { error: ErrorLine };
  assertEquals(error.code, "client");
  assertStringIncludes(error.message, "killed");
  await until(() => !processStat(pid), "the command's end");
});

Deno.test("docs/host-adapter.md shows the host adapter as it is", () => {
  const [core] = examples("go");
  assertStringIncludes(Deno.readTextFileSync(`${SOURCE}/run.go`), core!);
});

Deno.test({
  name: "the example in Python does what the host adapter does",
  ignore: lacks("python3"),
  fn: bounded(async () => {
    const folder = Deno.makeTempDirSync({ prefix: "python-" });
    try {
      const [script] = examples("python");
      Deno.writeTextFileSync(`${folder}/run.py`, script!);
      await using agent = await startAgent();
      const cases: [path: string, script: string, line: RegExp][] = [
        [agent.path, "cat; exit 125", /^in\n\{"exit": \{"code": 125\}\}\n$/],
        [
          agent.path,
          "kill -TERM $$",
          /^\{"exit": \{"code": 143, "signal": "SIGTERM"\}\}\n$/,
        ],
        [`${folder}/none`, "true", /^\{"error": \{"code": "connection", /],
      ];
      for (const [path, script, line] of cases) {
        await using python = new Running([
          ...["python3", "-W", "error", `${folder}/run.py`] as const,
          ...programArgs("client", ["--unix", path]),
          ...["--", "sh", "-c", script],
        ]);
        await python.write("in\n");
        await python.closeStdin();
        assertEquals(await python.code, 0, python.stderr.text);
        assertMatch(python.stdout.text, line);
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }),
});

/** Returns the documentation's examples in a language. */
function examples(language: string): string[] {
  const path = new URL("../docs/host-adapter.md", import.meta.url);
  const pattern = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm");
  return Array.from(
    Deno.readTextFileSync(path).matchAll(pattern),
    ([, example]) => example!,
  );
}

interface ErrorLine {
  readonly code: string;
  readonly message: string;
}

/** Returns the adapter's client. */
function clientOf(running: Running): number {
  return childrenOf(running.pid)[0]!.pid;
}

/** Orphans may stay as zombies where nobody reaps them. */
function isGone(pid: number): boolean {
  return (processStat(pid)?.state ?? "Z") === "Z";
}
