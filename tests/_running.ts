/**
 * A program on pipes that a test talks to while it runs.
 *
 * @module
 */

import { killChild } from "../packaging/kill_child.ts";
import { within } from "./_bounded.ts";
import { ENVIRONMENT } from "./_program.ts";
import { Transcript } from "./_transcript.ts";

/** A running program. It is killed when it goes out of scope. */
export class Running implements AsyncDisposable {
  /** What it writes to its standard output. */
  readonly stdout: Transcript;
  /** What it writes to its standard error. */
  readonly stderr: Transcript;
  readonly #process: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  #over = false;

  /**
   * @param argv The program and its arguments.
   * @param env More variables for its environment.
   */
  constructor(
    [program, ...args]: readonly [string, ...string[]],
    env: Readonly<Record<string, string>> = {},
  ) {
    this.#process = new Deno.Command(program, {
      args,
      env: { ...ENVIRONMENT, ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.stdout = new Transcript(this.#process.stdout);
    this.stderr = new Transcript(this.#process.stderr);
    this.#stdin = this.#process.stdin.getWriter();
    this.#stdin.closed.catch(() => {});
    this.#process.status.then(() => this.#over = true);
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Whether it has ended. */
  get over(): boolean {
    return this.#over;
  }

  /**
   * Writes to its standard input.
   *
   * @param text What.
   */
  async write(text: string): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(text));
  }

  /** Ends its standard input. */
  async closeStdin(): Promise<void> {
    await this.#stdin.close();
  }

  /**
   * Sends it a signal, unless it has ended.
   *
   * @param signal The signal.
   */
  kill(signal: Deno.Signal): void {
    killChild(this.#process, signal);
  }

  /** Resolves to its exit code when it has ended and all output was read. */
  get code(): Promise<number> {
    const end = Promise.all([
      this.#process.status,
      this.stdout.end,
      this.stderr.end,
    ]);
    return within(
      end.then(([{ code }]) => code),
      `the end of a program that said:\n${this.stdout.text}${this.stderr.text}`,
    );
  }

  /** Kills it, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.code;
    await this.#stdin.abort().catch(() => {});
  }
}
