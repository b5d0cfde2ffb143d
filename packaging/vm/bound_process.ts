/**
 * Processes that end with the one that started them.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { existsSync } from "node:fs";
import { startTool, ToolError } from "../_script.ts";

/** How often a condition without an event is looked at, in milliseconds. */
const INTERVAL = 10;

/** A program that runs for as long as it is wanted. */
export class BoundProcess implements AsyncDisposable {
  /** What it is called, for messages. */
  readonly name: string;
  /** Resolves when it has ended, to all that it wrote to standard error. */
  readonly ended: Promise<string>;
  readonly #child: Deno.ChildProcess;
  #running = true;

  private constructor(name: string, child: Deno.ChildProcess) {
    this.name = name;
    this.#child = child;
    const stderr = new Response(child.stderr).text();
    this.ended = child.status.then(() => {
      this.#running = false;
      return stderr;
    });
  }

  /**
   * Starts a program, which the kernel kills should this process end without
   * having ended it.
   *
   * @param name The program's name.
   * @param args Its arguments.
   * @param stdio What its standard input and output are.
   * @returns The running program.
   * @throws {ToolError} If setpriv isn't installed.
   */
  static start(
    name: string,
    args: readonly string[],
    stdio: "piped" | "null" = "null",
  ): BoundProcess {
    const child = startTool("setpriv", {
      args: ["--pdeathsig", "KILL", "--", name, ...args],
    }, { stdin: stdio, stdout: stdio, stderr: "piped" });
    return new BoundProcess(name, child);
  }

  /** Where its input goes, if it is piped. */
  get stdin(): WritableStream<Uint8Array> {
    return this.#child.stdin;
  }

  /** What it writes to standard output, if that is piped. */
  get stdout(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#child.stdout;
  }

  /** Whether it runs. */
  get running(): boolean {
    return this.#running;
  }

  /**
   * Waits for a file that the program makes, such as a socket.
   *
   * @param path The file's path.
   * @throws {ToolError} If the program ends before.
   */
  async makes(path: string): Promise<void> {
    while (!existsSync(path)) {
      if (!this.#running) throw await this.failure();
      await delay(INTERVAL);
    }
  }

  /** Returns the error for its having ended too early. */
  async failure(): Promise<ToolError> {
    const words = (await this.ended).trim();
    return new ToolError(`"${this.name}" has ended${words && `: ${words}`}`);
  }

  /**
   * Sends it a signal, if it runs.
   *
   * @param signal The signal.
   */
  kill(signal: Deno.Signal): void {
    if (this.#running) this.#child.kill(signal);
  }

  /** Kills it, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.ended;
  }
}
