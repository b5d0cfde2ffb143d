/**
 * A real agent in a process of its own, on a private unix socket.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { until, within } from "./_bounded.ts";
import { childrenOf, openDescriptors, type ProcessStat } from "./_proc.ts";
import { ENVIRONMENT, programArgs } from "./_program.ts";
import { Wire, type WireFrame, type WireSession } from "./_wire.ts";

/** Options for {@linkcode startAgent}. */
export interface AgentOptions {
  /** More arguments for `serve`. */
  args?: readonly string[];
  /** More variables for its environment. */
  env?: Readonly<Record<string, string>>;
  /** What Deno's own `--allow-run` is narrowed to. */
  allowRun?: string;
  /** Where it listens, by default on a path of its own. */
  path?: string;
  /** What runs it: a program and arguments that its own command line follows. */
  prefix?: readonly string[];
}

/** A record of the agent's log. */
export interface LogRecord {
  /** The logger, such as `cocoon-agent.audit`. */
  readonly logger: string;
  /** The record's properties. */
  readonly [name: string]: unknown;
}

/** How long the agent may take to clean up behind a session, in milliseconds. */
const CLEANUP = 2000;

/** The processes that were started and have not ended. */
const running = new Set<Deno.ChildProcess>();

// What a test that failed by its deadline left behind.
globalThis.addEventListener("unload", () => {
  for (const process of running) process.kill("SIGKILL");
});

/** A running agent. When it goes out of scope it must have left nothing behind. */
export class Agent implements AsyncDisposable {
  /** Where it listens. */
  readonly path: string;
  /** Its working directory, which is private to the test. */
  readonly folder: string;
  /** What it logged. */
  readonly records: LogRecord[] = [];
  /** All of its standard error. */
  stderr = "";
  readonly #process: Deno.ChildProcess;
  readonly #logged: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #descriptors: string[] = [];
  #over = false;
  #told = false;

  /**
   * @param process The agent's process.
   * @param folder Its working directory, which is removed with it.
   * @param path Where it listens.
   */
  constructor(process: Deno.ChildProcess, folder: string, path: string) {
    this.#process = process;
    this.folder = folder;
    this.path = path;
    this.#logged = this.#readLog();
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Resolves when it has ended, and all of its log was read. */
  get status(): Promise<Deno.CommandStatus> {
    return within(
      this.#logged.then(() => this.#process.status),
      "the end of the agent",
    );
  }

  /** Waits until it accepts, or has ended. */
  async ready(): Promise<void> {
    await this.waitForRecord(({ status }) =>
      String(status).startsWith("Listening on")
    );
    // Where a client was waiting already, the readiness loop may begin a moment
    // later. One of its descriptors is of a kind of which the runtime has one.
    await until(() => {
      this.#descriptors = openDescriptors(this.pid);
      return this.#descriptors.filter((file) => file.endsWith("[eventfd]"))
        .length > 1;
    }, "the agent to accept");
  }

  /** Connects to it. */
  async connect(): Promise<Wire> {
    return await Wire.connect(this.path);
  }

  /**
   * Connects and sends the first frame.
   *
   * @param frame The frame, or the line of one.
   */
  async open(frame: WireFrame | string): Promise<Wire> {
    const wire = await this.connect();
    await wire.send(frame);
    return wire;
  }

  /**
   * Runs a command without input, to its end.
   *
   * @param argv The command.
   * @param env Variables for it.
   */
  async exec(
    argv: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<WireSession> {
    using wire = await this.open({ type: "exec", argv, ...(env && { env }) });
    await wire.trySend([{ type: "stdin_close" }]);
    return await wire.readSession();
  }

  /**
   * Returns the first record of the log, past or to come, that is looked for.
   *
   * @param predicate Whether it is the one.
   */
  async waitForRecord(
    predicate: (record: LogRecord) => boolean,
  ): Promise<LogRecord> {
    for (;;) {
      const record = this.records.find(predicate);
      if (record) return record;
      if (this.#over) {
        throw new Error(`The agent ended without the record:\n${this.stderr}`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await within(promise, `a record of the agent in:\n${this.stderr}`)
        .finally(() => this.#waiting.delete(resolve));
    }
  }

  /** Its children, zombies included. */
  get children(): ProcessStat[] {
    return childrenOf(this.pid);
  }

  /** The audit records so far. */
  get audit(): LogRecord[] {
    return this.records.filter(({ logger }) => logger === "cocoon-agent.audit");
  }

  /**
   * Sends it a signal that is to end it.
   *
   * @param signal The signal.
   */
  kill(signal: Deno.Signal): void {
    this.#told = true;
    this.#process.kill(signal);
  }

  /** Allows it to end by itself. */
  mayEnd(): void {
    this.#told = true;
  }

  /**
   * Checks that it has cleaned up behind all sessions: it has no more
   * descriptors than at its start, and neither children nor zombies.
   *
   * @param timeout How long it may take, in milliseconds.
   */
  async checkClean(timeout = CLEANUP): Promise<void> {
    await until(
      () => openDescriptors(this.pid).length <= this.#descriptors.length,
      () =>
        `the agent to close descriptors; at its start:\n${
          this.#descriptors.join("\n")
        }\nnow:\n${openDescriptors(this.pid).join("\n")}`,
      timeout,
    );
    await until(
      () => this.children.length === 0,
      () => `the agent's children to be gone: ${JSON.stringify(this.children)}`,
      timeout,
    );
  }

  /** Ends it, checking that it has left nothing behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#told) {
        await this.status;
        return;
      }
      if (this.#over) {
        const { code } = await this.status;
        throw new Error(`The agent ended by itself, ${code}:\n${this.stderr}`);
      }
      await this.checkClean();
      this.kill("SIGTERM");
      const { code } = await this.status;
      assertEquals(code, 0, `The agent's exit code; it said:\n${this.stderr}`);
      assertEquals(
        exists(this.path),
        false,
        "The socket's file is still there",
      );
    } finally {
      if (!this.#over) this.#process.kill("SIGKILL");
      await this.#logged;
      await this.#process.status;
      running.delete(this.#process);
      Deno.removeSync(this.folder, { recursive: true });
    }
  }

  async #readLog(): Promise<void> {
    let rest = "";
    const stream = this.#process.stderr.pipeThrough(new TextDecoderStream());
    for await (const chunk of stream) {
      this.stderr += chunk;
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        if (line.startsWith("{")) this.records.push(JSON.parse(line));
      }
      this.#wake();
    }
    this.#over = true;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
  }
}

/**
 * Starts an agent without waiting for it, as where it is not to come up.
 *
 * @param options The options.
 */
export function launchAgent(options: AgentOptions = {}): Agent {
  const folder = Deno.makeTempDirSync({ prefix: "agent-" });
  const { path = `${folder}/agent.sock`, args = [], env = {} } = options;
  const [program, ...rest] = [
    ...options.prefix ?? [],
    ...programArgs(
      "serve",
      ["--listen", `unix:${path}`, ...args],
      options.allowRun,
    ),
  ];
  const process = new Deno.Command(program!, {
    args: rest,
    env: { ...ENVIRONMENT, ...env },
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  running.add(process);
  return new Agent(process, folder, path);
}

/**
 * Starts an agent, and waits until it accepts connections.
 *
 * @param options The options.
 */
export async function startAgent(options: AgentOptions = {}): Promise<Agent> {
  const agent = launchAgent(options);
  try {
    await agent.ready();
    return agent;
  } catch (error) {
    await agent[Symbol.asyncDispose]().catch(() => {});
    throw error;
  }
}

/**
 * Returns whether there is a file of whatever kind.
 *
 * @param path The file's path.
 */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
