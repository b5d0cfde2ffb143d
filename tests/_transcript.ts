/**
 * What a program writes while it runs.
 *
 * @module
 */

import { within } from "./_bounded.ts";

/** Text that grows, and that a test reads on as it expects it. */
export class Transcript {
  /** All of it. */
  text = "";
  /** How many bytes it has. */
  bytes = 0;
  /** Resolves when it has ended. */
  readonly end: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #expected = 0;
  #over = false;

  /**
   * @param stream What is written, in UTF-8.
   */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.end = this.#read(stream);
    // Whoever never asks must not bring the process down.
    this.end.catch(() => {});
  }

  /** What comes after what was expected so far. */
  get rest(): string {
    return this.text.slice(this.#expected);
  }

  /**
   * Waits for something behind what was expected so far.
   *
   * @param pattern What.
   * @returns What has matched, and its groups.
   * @throws {Error} If the end comes first.
   */
  async expect(pattern: string | RegExp): Promise<string[]> {
    const expression = typeof pattern === "string"
      ? new RegExp(RegExp.escape(pattern))
      : pattern;
    for (;;) {
      const found = this.rest.match(expression);
      if (found) {
        this.#expected += found.index! + found[0].length;
        return found;
      }
      const what = `${pattern} in ${JSON.stringify(this.rest)}`;
      if (this.#over) throw new Error(`The program ended without ${what}`);
      await this.#more(what);
    }
  }

  /**
   * Waits until there are as many bytes.
   *
   * @param bytes How many.
   */
  async expectBytes(bytes: number): Promise<void> {
    while (this.bytes < bytes) await this.#more(`${bytes} bytes`);
  }

  async #more(what: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    await within(promise, what).finally(() => this.#waiting.delete(resolve));
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of stream) {
        this.text += decoder.decode(chunk, { stream: true });
        this.bytes += chunk.byteLength;
        this.#wake();
      }
    } finally {
      this.#over = true;
      this.#wake();
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
  }
}
