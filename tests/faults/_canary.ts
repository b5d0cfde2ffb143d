/**
 * The others: clients that have nothing to do with a fault, and whose waits show
 * whether it disturbs them.
 *
 * @module
 */

import { SOURCES } from "../_program.ts";
import { Running } from "../_running.ts";
import type { Waits } from "./_waits.ts";

/** What the canary's program says when it has begun. */
export const STARTED = "started";

/** The others. They leave when it goes out of scope. */
export class Canary implements AsyncDisposable {
  readonly #program: Running;

  private constructor(program: Running) {
    this.#program = program;
  }

  /**
   * Starts them, and waits until they are served.
   *
   * @param path The agent's socket, or the hybrid one that leads to it.
   * @param port The agent's port, for a hybrid socket.
   */
  static async start(path: string, port?: number): Promise<Canary> {
    const file = `${SOURCES}tests/faults/_canary_program.ts`;
    const args = port === undefined ? [path] : [path, `${port}`];
    const canary = new Canary(
      new Running([Deno.execPath(), "run", "--allow-all", file, ...args]),
    );
    await canary.#program.stdout.expect(`${STARTED}\n`);
    return canary;
  }

  /**
   * Ends what they do.
   *
   * @returns How long they waited.
   * @throws {Error} If they were not served as they should be, or waited for
   * anything for ten seconds.
   */
  async stop(): Promise<Waits> {
    await this.#program.closeStdin().catch(() => {});
    const code = await this.#program.code;
    if (code !== 0) {
      throw new Error(
        `The others were disturbed: ${this.#program.stderr.text}`,
      );
    }
    return JSON.parse(this.#program.stdout.rest);
  }

  /** Ends them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}
