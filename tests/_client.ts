/**
 * The command line's client in a process of its own.
 *
 * @module
 */

import { killChild } from "../packaging/kill_child.ts";
import { within } from "./_bounded.ts";
import { ENVIRONMENT, programArgs } from "./_program.ts";

/** Options for {@linkcode startClient}. */
export interface ClientOptions {
  /** Its standard input, empty by default. */
  stdin?: string | ReadableStream<Uint8Array>;
  /** More variables for its environment. */
  env?: Readonly<Record<string, string>>;
  /** The command, `client` by default. */
  command?: "client" | "info" | "reseed";
}

/** What a client's process did. */
export interface ClientOutput {
  /** Its exit code. */
  readonly code: number;
  /** The bytes of its standard output. */
  readonly bytes: Uint8Array;
  /** Its standard output as text. */
  readonly stdout: string;
  /** Its standard error as text. */
  readonly stderr: string;
}

/** A running client. It is killed when it goes out of scope. */
export class Client implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #output: Promise<Deno.CommandOutput>;
  readonly #fed: Promise<void>;

  /**
   * @param process Its process.
   * @param stdin What it reads.
   */
  constructor(process: Deno.ChildProcess, stdin: ReadableStream<Uint8Array>) {
    this.#process = process;
    // It may end before it has read everything.
    this.#fed = stdin.pipeTo(process.stdin).catch(() => {});
    this.#output = process.output();
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /**
   * Sends it a signal.
   *
   * @param signal The signal.
   */
  kill(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /**
   * Waits for its end.
   *
   * @param timeout How long it may take, in milliseconds.
   */
  async output(timeout?: number): Promise<ClientOutput> {
    const { code, stdout, stderr } = await within(
      this.#output,
      "the end of the client",
      timeout,
    );
    const decoder = new TextDecoder();
    return {
      code,
      bytes: stdout,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
    };
  }

  /** Kills it, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    killChild(this.#process);
    await this.#output;
    await this.#fed;
  }
}

/**
 * Starts a client.
 *
 * @param args Its arguments.
 * @param options The options.
 */
export function startClient(
  args: readonly string[],
  options: ClientOptions = {},
): Client {
  const { stdin = "", env = {}, command = "client" } = options;
  const [program, ...rest] = programArgs(command, args);
  const process = new Deno.Command(program, {
    args: rest,
    env: { ...ENVIRONMENT, ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = typeof stdin === "string" ? new Blob([stdin]).stream() : stdin;
  return new Client(process, input);
}

/**
 * Runs a client to its end.
 *
 * @param args Its arguments.
 * @param options The options.
 */
export async function runClient(
  args: readonly string[],
  options: ClientOptions = {},
): Promise<ClientOutput> {
  await using client = startClient(args, options);
  return await client.output();
}
