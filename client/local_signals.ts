/**
 * Signals that reach the client itself.
 *
 * @module
 */

import { isIgnored, resetSignals, signalNumber } from "../ffi/signals.ts";
import { UnsupportedError } from "./errors.ts";
import { LeftError } from "./failure.ts";
import type { RemoteProcess } from "./remote_process.ts";

const SIGNALS = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
] as const;

/** How soon a second SIGINT must follow to end the client, in milliseconds. */
const SECOND_INTERRUPT = 1000;

/** The signals that a terminal sends: by a key, or when it is closed. */
const OF_TERMINALS: readonly Deno.Signal[] = ["SIGHUP", "SIGINT", "SIGQUIT"];
/**
 * A terminal's signal that comes again sooner is the same one, in milliseconds: it
 * reaches the client and `deno task`, which sends it to the client.
 */
const ECHO = 50;

/**
 * Listens to the signals that usually end a program. At first each ends the
 * client; later they may go to the remote command.
 */
export class LocalSignals implements Disposable {
  readonly #leave: (reason: unknown) => void;
  readonly #listeners: [signal: Deno.Signal, listener: () => void][];
  readonly #times = new Map<Deno.Signal, number>();
  #process: RemoteProcess | undefined;

  /**
   * @param leave Called with the reason when a signal ends the client.
   */
  constructor(leave: (reason: unknown) => void) {
    this.#leave = leave;
    resetSignals();
    this.#listeners = SIGNALS
      .filter((signal) => !isIgnored(signal))
      .map((signal) => [signal, () => this.#receive(signal)]);
    for (const [signal, listener] of this.#listeners) {
      Deno.addSignalListener(signal, listener);
    }
  }

  /**
   * Sends the signals to a command from now on.
   *
   * @param process The command.
   */
  sendTo(process: RemoteProcess): void {
    this.#process = process;
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) {
      Deno.removeSignalListener(signal, listener);
    }
  }

  #receive(signal: Deno.Signal): void {
    const now = performance.now();
    const passed = now - (this.#times.get(signal) ?? -Infinity);
    if (passed < ECHO && OF_TERMINALS.includes(signal)) return;
    this.#times.set(signal, now);
    if (this.#process === undefined) {
      this.#leaveOn(signal, `Left on ${signal}`);
    } else if (signal === "SIGINT" && passed < SECOND_INTERRUPT) {
      this.#leaveOn(signal, "Left on a second SIGINT, which kills the command");
    } else {
      this.#send(signal, this.#process);
    }
  }

  #send(signal: Deno.Signal, process: RemoteProcess): void {
    try {
      process.kill(signal);
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      this.#leaveOn(
        signal,
        `Left on ${signal}, which kills the command: ${error.message}`,
      );
    }
  }

  #leaveOn(signal: Deno.Signal, message: string): void {
    this.#leave(new LeftError(message, 128 + signalNumber(signal)));
  }
}
