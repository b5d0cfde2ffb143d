/**
 * The agents that are measured, and their clients.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { existsSync } from "node:fs";
import { UsageError } from "../cli/command.ts";
import type { ParsedFlags } from "../cli/parse_flags.ts";
import { binaryPath, findArchitecture } from "../packaging/architecture.ts";
import { ToolError } from "../packaging/_script.ts";
import { programArgs } from "../tests/_program.ts";
import type { Job, Jobs } from "./jobs.ts";

/** How long an agent may take to listen, in milliseconds. */
const START_TIMEOUT = 20_000;

/** An agent, a client or both, and how to run them. */
export interface Subject {
  /** What it is called in the result. */
  readonly name: string;
  /** What it is, for the result. */
  readonly description: string;
  /**
   * Returns the command that runs the agent.
   *
   * @param socket Where it is to listen.
   */
  serve?(socket: string): string[];
  /**
   * Returns the command that runs something through an agent.
   *
   * @param socket Where the agent listens.
   * @param argv What to run.
   * @param flags More flags for the client.
   */
  client?(
    socket: string,
    argv: readonly string[],
    flags?: readonly string[],
  ): string[];
}

/** What there is to measure. */
export interface Subjects {
  /** This project's agent and client, as they are to be measured. */
  readonly own: Subject;
  /** Those in a compiled binary, where there is one. */
  readonly binary: Subject | undefined;
  /** That binary's path. */
  readonly executable: string | undefined;
  /** Another agent of the same protocol. */
  readonly peer: Subject | undefined;
}

/**
 * Finds out what to measure.
 *
 * @param flags The flags of the command line.
 * @throws {UsageError} If they name what isn't there.
 */
export function parseSubjects(flags: ParsedFlags): Subjects {
  const agent = flags.get("agent");
  if (agent !== undefined && !existsSync(agent)) {
    throw new UsageError(`--agent: there is no file "${agent}"`);
  }
  const built = new URL(
    `../${binaryPath(findArchitecture("target"))}`,
    import.meta.url,
  ).pathname;
  const path = agent ?? (existsSync(built) ? built : undefined);
  const binary = path === undefined
    ? undefined
    : compiled(Deno.realPathSync(path));
  return {
    own: agent === undefined ? SOURCE : binary!,
    binary,
    executable: path,
    peer: parsePeer(flags),
  };
}

/** What the tasks `serve` and `client` run. */
const SOURCE: Subject = {
  name: "source",
  description: `the source, run by Deno ${Deno.version.deno}`,
  serve: (socket) => programArgs("serve", serveFlags(socket)),
  client: (socket, argv, flags = []) =>
    programArgs("client", ["--unix", socket, ...flags, "--", ...argv]),
};

/** The agent that costs next to nothing, to measure the load generator. */
export const CANNED: Subject = {
  name: "canned",
  description: "answers from memory",
  serve: (socket) => [
    ...[Deno.execPath(), "run", "--quiet", "--allow-all"],
    ...[new URL("canned_agent.ts", import.meta.url).pathname, socket],
  ],
};

/** The measurement `scale` looks at one session beside a thousand others. */
function serveFlags(socket: string): string[] {
  return ["--listen", `unix:${socket}`, "--max-sessions", "2000"];
}

function compiled(path: string): Subject {
  return {
    name: "binary",
    description: "the compiled binary",
    serve: (socket) => [path, "serve", ...serveFlags(socket)],
    client: (
      socket,
      argv,
      flags = [],
    ) => [path, "client", "--unix", socket, ...flags, "--", ...argv],
  };
}

function parsePeer(flags: ParsedFlags): Subject | undefined {
  const serve = parseCommand(flags, "peer-serve");
  const client = parseCommand(flags, "peer-client");
  if (!serve && !client) return undefined;
  return {
    name: "peer",
    description: "another agent of the same protocol",
    ...(serve && { serve: (socket) => serve(socket, []) }),
    ...(client && { client }),
  };
}

/** Commands are the shell's, as it splits words. */
function parseCommand(flags: ParsedFlags, name: string) {
  const command = flags.get(name);
  if (command === undefined) return undefined;
  if (!command.includes("{socket}")) {
    throw new UsageError(
      `--${name} must hold {socket}, which stands for the socket's path, got "${command}"`,
    );
  }
  return (socket: string, argv: readonly string[]) => [
    "sh",
    "-c",
    `exec ${command.replaceAll("{socket}", quote(socket))} "$@"`,
    "sh",
    ...argv,
  ];
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** An agent that listens. It ends when it goes out of scope. */
export class RunningAgent implements AsyncDisposable {
  /** Which agent it is. */
  readonly subject: Subject;
  /** Where it listens. */
  readonly socket: string;
  readonly #job: Job;

  /**
   * @param subject Which agent it is.
   * @param socket Where it listens.
   * @param job Its process.
   */
  constructor(subject: Subject, socket: string, job: Job) {
    this.subject = subject;
    this.socket = socket;
    this.#job = job;
  }

  /** Its process id. */
  get pid(): number {
    return this.#job.pid;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#job.end();
  }
}

/** What {@linkcode startAgent} needs of a run. */
export interface Place {
  /** The run's processes. */
  readonly jobs: Jobs;
  /** The run's folder. */
  readonly folder: string;
}

/**
 * Starts a process in the place of a shell that lets it have as many open files
 * as it may, and keeps its log.
 */
const RUN_AGENT =
  'ulimit -S -n "$(ulimit -H -n)" 2>/dev/null; exec "$@" 2>"$0"';
let started = 0;

/**
 * Starts an agent, and waits until it listens.
 *
 * @param place Where.
 * @param subject The agent.
 * @throws {ToolError} If it doesn't come to that.
 */
export async function startAgent(
  place: Place,
  subject: Subject,
): Promise<RunningAgent> {
  const name = `${place.folder}/${started++}`;
  const [socket, log] = [`${name}.sock`, `${name}.log`];
  const argv = subject.serve!(socket);
  const job = place.jobs.start(["sh", "-c", RUN_AGENT, log, ...argv]);
  try {
    await untilListening(socket, job);
  } catch (error) {
    await job.end();
    const text = await Deno.readTextFile(log).catch(() => "");
    throw new ToolError(
      `Cannot start the agent "${argv.join(" ")}": ${
        error instanceof Error ? error.message : error
      }${text && `; it said:\n${text.slice(-2000)}`}`,
    );
  }
  return new RunningAgent(subject, socket, job);
}

/**
 * Waits until somebody listens on a unix socket.
 *
 * @param socket The socket's path.
 * @param job The process that is to listen.
 * @throws {ToolError} If it ends before, or takes too long.
 */
export async function untilListening(socket: string, job: Job): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT;
  for (;;) {
    try {
      (await Deno.connect({ transport: "unix", path: socket })).close();
      return;
    } catch {
      if (job.over) throw new ToolError("it ended before it listened");
      if (performance.now() > deadline) {
        throw new ToolError(`it doesn't listen after ${START_TIMEOUT} ms`);
      }
      await delay(1);
    }
  }
}
