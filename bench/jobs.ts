/**
 * The processes that a run starts, none of which outlives it.
 *
 * @module
 */

import { ToolError } from "../packaging/_script.ts";
import { within } from "../tests/_bounded.ts";

/** How long a process may take to end when it is told to, in milliseconds. */
const GRACE = 4000;
/** How long a command may take to its end, in milliseconds. */
const PATIENCE = 120_000;

/** Options for {@linkcode Jobs.start}. */
export interface JobOptions {
  /** What its standard error is, if not the one of this process. */
  stderr?: "null";
}

/** A process of its own group, and what it has started there. */
export class Job implements AsyncDisposable {
  /** Its process id, which is its group's too. */
  readonly pid: number;
  /** Resolves when it has ended. */
  readonly status: Promise<Deno.CommandStatus>;
  #over = false;

  /** @param process The process, which leads a group. */
  constructor(process: Deno.ChildProcess) {
    this.pid = process.pid;
    this.status = process.status.finally(() => this.#over = true);
  }

  /** Whether it has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** Ends it, politely at first, so that it can end what it has started. */
  async end(): Promise<void> {
    if (!this.#over) {
      signalGroup(this.pid, "SIGTERM");
      try {
        await within(this.status, `the end of process ${this.pid}`, GRACE);
      } catch {
        signalGroup(this.pid, "SIGKILL");
      }
    }
    await this.status;
    // What it has left behind, as a shell does when it is killed.
    signalGroup(this.pid, "SIGKILL");
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

/** All processes of a run. */
export class Jobs implements AsyncDisposable {
  readonly #running = new Set<Job>();
  #stopped = false;

  /** Whether they were all ended, after which none can be started. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Starts a process.
   *
   * @param argv The program and its arguments.
   * @param options The options.
   * @throws {ToolError} If it cannot be started, or the run is over.
   */
  start(argv: readonly string[], options: JobOptions = {}): Job {
    if (this.#stopped) {
      throw new ToolError(`Cannot run "${argv[0]}": the run is over`);
    }
    const command = new Deno.Command(argv[0]!, {
      args: argv.slice(1),
      // The runtime would look for a newer one by itself.
      env: { DENO_NO_UPDATE_CHECK: "1" },
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
      detached: true,
      ...options,
    });
    let job: Job;
    try {
      job = new Job(command.spawn());
    } catch (error) {
      throw new ToolError(
        `Cannot run "${argv[0]}": ${
          error instanceof Error ? error.message : error
        }`,
      );
    }
    this.#running.add(job);
    job.status.finally(() => this.#running.delete(job));
    return job;
  }

  /**
   * Runs a command to its end.
   *
   * @param argv The program and its arguments.
   * @returns How long it took, from before its start, in milliseconds.
   * @throws {ToolError} If it fails.
   */
  async run(argv: readonly string[]): Promise<number> {
    const start = performance.now();
    await using job = this.start(argv);
    const { success, code } = await within(
      job.status,
      `the end of "${argv.join(" ")}"`,
      PATIENCE,
    );
    const time = performance.now() - start;
    if (!success) {
      throw new ToolError(
        `Cannot go on: "${argv.join(" ")}" failed with ${code}`,
      );
    }
    return time;
  }

  /**
   * Ends all of them, the last one first, as others may depend on those before
   * them. None can be started any more.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    for (const job of Array.from(this.#running).reverse()) await job.end();
  }
}

function signalGroup(group: number, signal: Deno.Signal): void {
  try {
    Deno.kill(-group, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
