/**
 * A program in a terminal of the test's own, as somebody at a screen has it.
 *
 * @module
 */

import type { Child } from "../ffi/child.ts";
import type { ChildStatus } from "../ffi/wait.ts";
import { spawn } from "../ffi/process.ts";
import { findProgram } from "../ffi/program.ts";
import type { WindowSize } from "../ffi/terminal.ts";
import type { Agent } from "./_agent.ts";
import { bounded, within } from "./_bounded.ts";
import { ENVIRONMENT, programArgs } from "./_program.ts";
import { Transcript } from "./_transcript.ts";
import { text } from "./_wire.ts";

/** A command for the shell that goes on until it is ended. */
export const LOOP = "while :; do sleep 0.05; done";

/** A shell for people, without what this machine's users like. */
export const SHELL = ["bash", "--norc", "--noprofile", "-i"];

/** Options for {@linkcode Terminal}. */
export interface TerminalOptions {
  /** More variables for the program's environment. */
  env?: Readonly<Record<string, string>>;
  /**
   * The terminal's size.
   *
   * @default {30 rows, 90 cols}
   */
  size?: WindowSize;
}

/**
 * A program in a terminal. When it goes out of scope the terminal is hung up and
 * the program killed.
 */
export class Terminal implements AsyncDisposable {
  /** The terminal's file. */
  readonly path: string;
  /** What the terminal shows, control sequences included. */
  readonly shown: Transcript;
  readonly #child: Child;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array>;

  /**
   * @param argv The program and its arguments.
   * @param options The options.
   */
  constructor(argv: readonly string[], options: TerminalOptions = {}) {
    const { env = {}, size = { rows: 30, cols: 90 } } = options;
    const inherited = Deno.env.toObject();
    this.#child = spawn({
      program: findProgram(argv[0]!, inherited["PATH"]),
      argv,
      env: { ...inherited, TERM: "xterm", PS1: "$ ", ...ENVIRONMENT, ...env },
      terminal: size,
    });
    this.path = Deno.readLinkSync(`/proc/${this.pid}/fd/0`);
    this.#keys = this.#child.stdin.getWriter();
    this.#keys.closed.catch(() => {});
    this.shown = new Transcript(this.#child.stdout);
  }

  /** The program's process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /**
   * Resolves when nobody has the terminal open any more, all that was written
   * there was read, and the program has ended.
   */
  get status(): Promise<ChildStatus> {
    return within(
      this.shown.end.then(() => this.#child.status),
      `the end of a program that said:\n${this.shown.text}`,
    );
  }

  /**
   * Waits until the terminal shows something behind what was waited for before.
   *
   * @param pattern What.
   * @returns What has matched, and its groups.
   */
  async expect(pattern: string | RegExp): Promise<string[]> {
    return await this.shown.expect(pattern);
  }

  /**
   * Types.
   *
   * @param keys Characters, or bytes as they are.
   */
  async type(keys: string | Uint8Array): Promise<void> {
    const bytes = typeof keys === "string"
      ? new TextEncoder().encode(keys)
      : keys;
    await within(this.#keys.write(bytes), "the terminal to take keys");
  }

  /**
   * Gives the terminal another size.
   *
   * @param size The size.
   */
  resize(size: WindowSize): void {
    this.#child.resize(size);
  }

  /**
   * Sends a signal to the program alone.
   *
   * @param signal The signal.
   */
  kill(signal: Deno.Signal): void {
    Deno.kill(this.pid, signal);
  }

  /** Takes the terminal away, as closing its window does. */
  hangUp(): void {
    this.#child.hangUp();
  }

  /**
   * Returns all of the terminal's modes in one word, see stty(1). They stay when
   * nobody has it open any more.
   */
  async modes(): Promise<string> {
    return await this.#stty("--save");
  }

  /** Returns the terminal's modes as stty(1) describes them. */
  async settings(): Promise<string> {
    return await this.#stty("--all");
  }

  /** Hangs the terminal up, and kills the program. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    this.#child.close();
    await within(this.#child.status, "the end of a program that was killed");
    await this.shown.end.catch(() => {});
    await this.#keys.abort().catch(() => {});
  }

  async #stty(option: string): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("stty", {
      args: ["--file", this.path, option],
    }).output();
    if (!success) throw new Error(`Cannot ask for modes: ${text(stderr)}`);
    return text(stdout).trimEnd();
  }
}

/**
 * Starts a client in a terminal.
 *
 * @param args Its arguments.
 * @param options The options.
 */
export function startTerminalClient(
  args: readonly string[],
  options: TerminalOptions = {},
): Terminal {
  return new Terminal(programArgs("client", args), options);
}

/**
 * Defines a test with a {@linkcode Terminal}.
 *
 * @param name The test's name.
 * @param fn The test's function.
 */
export function terminalTest(
  name: string,
  fn: (context: Deno.TestContext) => Promise<void>,
): void {
  // The readiness loop ends a moment after the terminal, and nothing tells when.
  Deno.test({ name, fn: bounded(fn), sanitizeOps: false });
}

/** Arguments of a client that runs a command on a terminal. */
export function onTerminal(agent: Agent, ...argv: readonly string[]): string[] {
  return ["-t", "--unix", agent.path, "--", ...argv];
}

/** Starts a command on a terminal. */
export function startOnTerminal(
  agent: Agent,
  ...argv: readonly string[]
): Terminal {
  return startTerminalClient(onTerminal(agent, ...argv));
}

/** Starts a shell on a terminal, and waits for its prompt. */
export async function startShell(agent: Agent): Promise<Terminal> {
  const terminal = startOnTerminal(agent, "env", "PS1=$ ", ...SHELL);
  await terminal.expect("$ ");
  return terminal;
}
