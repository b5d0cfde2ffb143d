/**
 * Processes that end with the one that started them.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { existsSync } from "node:fs";
import { startTool, ToolError } from "../_script.ts";
import { killChild } from "../kill_child.ts";

/** How long a program may take to be ready, in milliseconds. */
const START_TIMEOUT = 30_000;
/** How often a condition without an event is looked at, in milliseconds. */
const INTERVAL = 10;

/** A program that runs for as long as it is wanted. */
export class BoundProcess implements AsyncDisposable {
  /** Resolves when it has ended, to all that it wrote to standard error. */
  readonly ended: Promise<string>;
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  #running = true;

  private constructor(name: string, child: Deno.ChildProcess) {
    this.#name = name;
    this.#child = child;
    const stderr = new Response(child.stderr).text();
    this.ended = child.status.then(() => {
      this.#running = false;
      return stderr;
    });
  }

  /**
   * Starts a program, which the kernel kills should this process end without
   * having ended it. A terminal's signals don't reach it.
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
      args: ["--pdeathsig", "KILL", "--", "setsid", name, ...args],
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

  /**
   * Waits for a file that the program makes, such as a socket.
   *
   * @param path The file's path.
   * @throws {ToolError} If the program ends before, or takes too long.
   */
  async makes(path: string): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT;
    while (!existsSync(path)) {
      if (!this.#running) {
        throw new ToolError(
          `Cannot run "${this.#name}": ${
            (await this.ended).trim() || "it has ended"
          }`,
        );
      }
      if (performance.now() > deadline) {
        throw new ToolError(
          `Cannot run "${this.#name}": it doesn't make "${path}"`,
        );
      }
      await delay(INTERVAL);
    }
  }

  /** Kills it, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    killChild(this.#child);
    await this.ended;
  }
}
