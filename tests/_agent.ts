/**
 * A real agent in a process of its own, on a private unix socket.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { killChild } from "../packaging/kill_child.ts";
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
  /** The folder in the place of `/var/log/cocoon-agent`, for the source alone. */
  logFolder?: string;
  /** Where it listens, by default on a path of its own. */
  path?: string;
  /** What runs it: a program and arguments that its own command line follows. */
  prefix?: readonly string[];
  /** Which records of its log are kept, by default all and its other words too. */
  keepRecord?: (record: LogRecord) => boolean;
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

/** The processes that were started and have not ended, with their folders. */
const running = new Map<Deno.ChildProcess, string>();

// What a test that failed by its deadline left behind, or a script that was told
// to end.
globalThis.addEventListener("unload", () => {
  for (const [process, folder] of running) {
    killChild(process);
    Deno.removeSync(folder, { recursive: true });
  }
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
  readonly #log: ReadableStreamDefaultReader<Uint8Array>;
  #logHeld: PromiseWithResolvers<void> | undefined;
  #logClosed = false;
  #over = false;
  #told = false;
  readonly #keepRecord: AgentOptions["keepRecord"];

  /**
   * @param process The agent's process.
   * @param folder Its working directory, which is removed with it.
   * @param path Where it listens.
   * @param keepRecord Which records of its log are kept, by default all.
   */
  constructor(
    process: Deno.ChildProcess,
    folder: string,
    path: string,
    keepRecord?: AgentOptions["keepRecord"],
  ) {
    this.#process = process;
    this.folder = folder;
    this.path = path;
    this.#keepRecord = keepRecord;
    this.#log = process.stderr.getReader();
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

  /** Reads no more of its log, which then fills up. */
  holdLog(): void {
    this.#logHeld = Promise.withResolvers();
  }

  /** Reads its log again. */
  readLogOn(): void {
    this.#logHeld?.resolve();
    this.#logHeld = undefined;
  }

  /** Closes its log, so that it has nobody to tell anything any more. */
  async closeLog(): Promise<void> {
    this.#logClosed = true;
    this.readLogOn();
    await this.#log.cancel();
  }

  /** Its children, zombies included. */
  get children(): ProcessStat[] {
    return childrenOf(this.pid);
  }

  /** The audit records of sessions that have ended. */
  get audit(): LogRecord[] {
    return this.auditOf("end");
  }

  /**
   * Returns the audit records of an event in sessions' lives.
   *
   * @param event The event.
   */
  auditOf(event: "start" | "end" | "omitted"): LogRecord[] {
    return this.records.filter((record) =>
      record.logger === "cocoon-agent.audit" && record["event"] === event
    );
  }

  /**
   * Sends it a signal that is to end it.
   *
   * @param signal The signal.
   */
  kill(signal: Deno.Signal): void {
    this.#told = true;
    killChild(this.#process, signal);
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
    this.readLogOn();
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
      killChild(this.#process);
      await this.#logged;
      await this.#process.status;
      running.delete(this.#process);
      Deno.removeSync(this.folder, { recursive: true });
    }
  }

  async #readLog(): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for (;;) {
      const { value } = await this.#log.read();
      if (value === undefined) break;
      const chunk = decoder.decode(value, { stream: true });
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#takeLine(line);
      this.#wake();
      await this.#logHeld?.promise;
    }
    this.stderr += rest;
    this.#over = !this.#logClosed;
    this.#wake();
  }

  #takeLine(line: string): void {
    if (line.startsWith("{")) {
      const record: LogRecord = JSON.parse(line);
      if (this.#keepRecord?.(record) === false) return;
      this.records.push(record);
    }
    this.stderr += `${line}\n`;
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
      options.logFolder,
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
  running.set(process, folder);
  return new Agent(process, folder, path, options.keepRecord);
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
