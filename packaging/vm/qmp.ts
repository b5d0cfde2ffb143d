/**
 * QEMU's control connection, see
 * https://www.qemu.org/docs/master/interop/qmp-spec.html.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { TextLineStream } from "@std/streams/text-line-stream";
import { ToolError } from "../_script.ts";

/** How long QEMU may take to answer, in milliseconds. */
const REPLY_TIMEOUT = 30_000;

/** A control connection to a QEMU, for one command at a time. */
export class Qmp implements AsyncDisposable {
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  /**
   * @param readable What QEMU says.
   * @param writable Where commands go.
   */
  constructor(
    readable: ReadableStream<Uint8Array<ArrayBuffer>>,
    writable: WritableStream<Uint8Array>,
  ) {
    const lines: TransformStream<string, string> = new TextLineStream();
    this.#lines = readable
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(lines)
      .getReader();
    this.#writer = writable.getWriter();
  }

  /**
   * Begins, as soon as QEMU has set its machine up.
   *
   * @throws {ToolError} If QEMU ends before, or takes too long.
   */
  async begin(): Promise<void> {
    await this.#read("start a machine");
    await this.execute("qmp_capabilities");
  }

  /**
   * Executes a command.
   *
   * @param command The command's name.
   * @param args Its arguments.
   * @returns What it returns.
   * @throws {ToolError} If QEMU refuses it, or ends.
   */
  async execute<Answer = unknown>(
    command: string,
    args: Readonly<Record<string, unknown>> = {},
  ): Promise<Answer> {
    const request = JSON.stringify({ execute: command, arguments: args });
    const bytes = new TextEncoder().encode(`${request}\n`);
    // That it has ended shows when it is read from.
    await this.#writer.write(bytes).catch(() => {});
    const attempt = `execute "${command}" in QEMU`;
    for (;;) {
      const reply = await this.#read(attempt);
      if (reply.error !== undefined) {
        throw new ToolError(`Cannot ${attempt}: ${reply.error.desc}`);
      }
      // Events come in between.
      if (reply.return !== undefined) return reply.return as Answer;
    }
  }

  /** Closes the connection; QEMU goes on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lines.cancel().catch(() => {});
    await this.#writer.abort().catch(() => {});
  }

  async #read(attempt: string): Promise<Reply> {
    const patience = AbortSignal.timeout(REPLY_TIMEOUT);
    const read: Promise<ReadableStreamReadResult<string>> = abortable(
      this.#lines.read(),
      patience,
    );
    try {
      const { value } = await read;
      if (value === undefined) {
        throw new ToolError(`Cannot ${attempt}: it has ended`);
      }
      return JSON.parse(value);
    } catch (error) {
      if (!patience.aborted) throw error;
      throw new ToolError(`Cannot ${attempt}: it doesn't answer`);
    }
  }
}

interface Reply {
  return?: unknown;
  error?: { desc: string };
}
