/**
 * The demo: a real agent on a private unix socket, and what it does for its
 * callers. `deno task demo -- CMD…` runs a command of one's own through it.
 *
 * @module
 */

import { format as formatBytes } from "@std/fmt/bytes";
import { bold, dim, green, red } from "@std/fmt/colors";
import { parseFlags } from "./cli/parse_flags.ts";
import { clientCommand } from "./client/client_command.ts";
import {
  AgentError,
  output,
  spawn,
  type Target,
  waitForAgent,
} from "./client/mod.ts";

const ROOT = import.meta.dirname!;
const FILE_BYTES = 64 * 1024 * 1024;
const SESSIONS = 20;

/** Starts an agent with its task, as a user would, and stops it at the end. */
class Agent implements AsyncDisposable {
  readonly path: string;
  readonly target: Target;
  readonly #process: Deno.ChildProcess;

  constructor(folder: string, name: string, ...flags: string[]) {
    this.path = `${folder}/${name}.sock`;
    this.target = { unix: this.path };
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["task", "-q", "serve", "--listen", `unix:${this.path}`, ...flags],
      cwd: ROOT,
      env: { AGENT_LOG_LEVEL: "error" },
      stdin: "null",
    }).spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGTERM");
    } catch {
      // It has ended already, and has said why.
    }
    await this.#process.status;
  }
}

async function step(
  title: string,
  fn: () => Promise<string>,
): Promise<void> {
  const start = performance.now();
  const result = await fn();
  const time = `${(performance.now() - start).toFixed(0)} ms`.padStart(8);
  console.log(
    `${green("✓")} ${bold(title.padEnd(40))} ${dim(time)}  ${result}`,
  );
}

function expect(what: string, actual: unknown, expected: unknown): string {
  if (actual !== expected) {
    throw new Error(`${what} should be ${expected}, but is ${actual}`);
  }
  return `${what} ${actual}`;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(
    new Uint8Array(digest),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** Sends bytes through `cat` in the agent, and returns what comes back. */
async function roundTrip(
  target: Target,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  await using cat = await spawn(target, ["cat"]);
  const sent = new Blob([bytes]).stream().pipeTo(cat.stdin);
  const back = await new Response(cat.stdout).bytes();
  await sent;
  return back as Uint8Array<ArrayBuffer>;
}

async function errorCode(target: Target, argv: string[]): Promise<string> {
  try {
    await output(target, argv);
  } catch (error) {
    if (error instanceof AgentError) return error.code ?? error.message;
    throw error;
  }
  return "none";
}

async function show(folder: string): Promise<void> {
  await using agent = new Agent(folder, "agent");
  await using narrow = new Agent(folder, "narrow", "--allow-run=echo");
  const { target } = agent;

  await step("start two agents", async () => {
    await Promise.all([
      waitForAgent(target, 30_000),
      waitForAgent(narrow.target, 30_000),
    ]);
    return "on private unix sockets";
  });
  await step("echo hello", async () => {
    const { stdout } = await output(target, ["echo", "hello"]);
    return expect("stdout", new TextDecoder().decode(stdout).trim(), "hello");
  });
  await step("a 64 MiB file through cat", async () => {
    const file = new Uint8Array(FILE_BYTES);
    for (let at = 0; at < file.length; at += 65536) {
      crypto.getRandomValues(file.subarray(at, at + 65536));
    }
    const start = performance.now();
    const back = await roundTrip(target, file);
    const seconds = (performance.now() - start) / 1000;
    expect("SHA-256", await sha256(back), await sha256(file));
    return `SHA-256 equal, ${
      formatBytes(FILE_BYTES / seconds, { binary: true })
    }/s there and back`;
  });
  await step("exit 42", async () => {
    const { code } = await output(target, ["sh", "-c", "exit 42"]);
    return expect("code", code, 42);
  });
  await step("kill -TERM itself", async () => {
    const { signal } = await output(target, ["sh", "-c", "kill -TERM $$"]);
    return expect("signal", signal, "SIGTERM");
  });
  await step("a terminal of 132 columns", async () => {
    await using stty = await spawn(target, ["stty", "size"], {
      tty: { rows: 50, cols: 132 },
    });
    const size = await new Response(stty.stdout).text();
    return expect("size", size.trim(), "50 132");
  });
  await step("a signal to a command that reads nothing", async () => {
    await using sleep = await spawn(target, ["sleep", "60"]);
    sleep.kill("SIGHUP");
    return expect("signal", (await sleep.status).signal, "SIGHUP");
  });
  await step("a command that takes too long", async () => {
    const { timedOut } = await output(target, ["sleep", "60"], {
      timeout: 100,
    });
    return expect("timed out", timedOut, true);
  });
  await step(`${SESSIONS} sessions at once`, async () => {
    const numbers = Array.from({ length: SESSIONS }, (_, index) => `${index}`);
    const outputs = await Promise.all(
      numbers.map((number) => output(target, ["echo", number])),
    );
    const right = outputs.filter(({ stdout }, index) =>
      new TextDecoder().decode(stdout).trim() === numbers[index]
    );
    return expect("right answers", right.length, SESSIONS);
  });
  await step("a command that is not granted", async () => {
    return expect("error", await errorCode(narrow.target, ["id"]), "denied");
  });
  await step("a command that does not exist", async () => {
    return expect("error", await errorCode(target, ["nope"]), "not_found");
  });
}

/** Runs a command through an agent as the client does, with its exit codes. */
async function run(folder: string, argv: string[]): Promise<number> {
  await using agent = new Agent(folder, "agent");
  await waitForAgent(agent.target, 30_000);
  const args = ["--unix", agent.path, "--", ...argv];
  return await clientCommand.run(
    parseFlags(args, clientCommand.flags, clientCommand),
  );
}

const argv = Deno.args[0] === "--" ? Deno.args.slice(1) : Deno.args;
const folder = await Deno.makeTempDir({ prefix: "cocoon-agent-demo-" });
let code = 0;
try {
  if (argv.length > 0) code = await run(folder, argv);
  else await show(folder);
} catch (error) {
  console.error(
    `${red("✗")} ${error instanceof Error ? error.message : error}`,
  );
  code = 1;
} finally {
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(code);
