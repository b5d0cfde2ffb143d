/**
 * What the client tells the program that runs it.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import type { InheritedFd } from "../ffi/inherited_fd.ts";
import { printableJson } from "../protocol/printable_text.ts";
import type { FailureCode } from "./failure.ts";
import type { RemoteProcess, RemoteStatus } from "./remote_process.ts";

/** How long a reader that doesn't read may hold the end up, in milliseconds. */
const PATIENCE = 5000;

/**
 * More of a message is cut off: whoever reads lines has a longest one, such as the
 * 64 KiB of Go's `bufio.Scanner`.
 */
const MAX_MESSAGE = 4096;

/** Lines of JSON about a command: `started` if it did, and `exit` or `error`. */
export class StatusChannel {
  /** Aborted when nobody can read the lines any more. */
  readonly lost: AbortSignal;
  readonly #fd: InheritedFd;

  /**
   * @param fd Where the lines go.
   */
  constructor(fd: InheritedFd) {
    this.lost = fd.watchLoss();
    this.#fd = fd;
  }

  /**
   * Says that the command runs.
   *
   * @param process The command.
   */
  started({ pid, features }: Pick<RemoteProcess, "pid" | "features">): void {
    this.#send({ started: { pid, features } });
  }

  /**
   * Says how the command ended.
   *
   * @param status How.
   * @returns A promise that resolves when that is written, or cannot be.
   */
  async exit({ code, signal, timedOut, usage }: RemoteStatus): Promise<void> {
    await this.#end({
      exit: {
        code,
        ...(signal !== null && { signal }),
        ...(timedOut && { timed_out: true }),
        ...(usage && {
          usage: {
            cpu_ms: usage.cpuMs,
            peak_memory_bytes: usage.peakMemoryBytes,
            oom_kills: usage.oomKills,
          },
        }),
      },
    });
  }

  /**
   * Says why it isn't known how the command ended, or why it didn't start.
   *
   * @param code What kind of failure it is.
   * @param message The failure, for people. Of a long one the beginning is sent.
   * @returns A promise that resolves when that is written, or cannot be.
   */
  async error(code: FailureCode, message: string): Promise<void> {
    const excerpt = message.slice(0, MAX_MESSAGE);
    await this.#end({ error: { code, message: excerpt } });
  }

  async #end(line: unknown): Promise<void> {
    const patience = AbortSignal.timeout(PATIENCE);
    await abortable(this.#send(line), patience).catch(ignore);
  }

  #send(line: unknown): Promise<void> {
    const bytes = new TextEncoder().encode(`${printableJson(line)}\n`);
    const sent = this.#fd.write(bytes);
    // That nobody is there to be told shows in `lost`.
    sent.catch(ignore);
    return sent;
  }
}

function ignore(): void {}
