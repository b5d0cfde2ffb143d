/**
 * One more agent in a guest, which runs as a command of the first one.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { type RemoteProcess, spawn } from "../../client/mod.ts";
import { within } from "../_bounded.ts";
import type { Guest } from "./_guest.ts";

/** Where the agent's executable is in a guest. */
export const PROGRAM = "/usr/bin/cocoon-agent";

/** A running agent. It is killed when it goes out of scope. */
export class SecondAgent implements AsyncDisposable {
  readonly #process: RemoteProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;

  private constructor(process: RemoteProcess) {
    this.#process = process;
    const decoder = new TextDecoderStream() as TransformStream<
      Uint8Array,
      string
    >;
    const lines: TransformStream<string, string> = new TextLineStream();
    this.#lines = process.stderr
      .pipeThrough(decoder)
      .pipeThrough(lines)
      .getReader();
  }

  /**
   * Starts one.
   *
   * @param guest The guest.
   * @param user The user that it runs as.
   * @param args The arguments of `serve`.
   */
  static async start(
    guest: Guest,
    user: string,
    ...args: readonly string[]
  ): Promise<SecondAgent> {
    return new SecondAgent(
      await spawn(guest.target, asUser(user, "serve", ...args), {
        stdin: "null",
        stdout: "null",
      }),
    );
  }

  /** Returns the message of the next record that it logs. */
  async nextMessage(): Promise<string> {
    const { value } = await within(this.#lines.read(), "a record");
    return JSON.parse(value!).message;
  }

  /** Kills it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lines.cancel();
    await this.#process[Symbol.asyncDispose]();
  }
}

/**
 * Returns how the program is run as a user of the guest.
 *
 * @param user The user's name.
 * @param args The program's arguments.
 */
export function asUser(user: string, ...args: readonly string[]): string[] {
  return [
    "su",
    "-s",
    "/bin/sh",
    user,
    "-c",
    `exec ${PROGRAM} ${args.join(" ")}`,
  ];
}
