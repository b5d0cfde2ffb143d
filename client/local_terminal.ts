/**
 * The terminal that the client itself runs on.
 *
 * @module
 */

import { isJob, stopJob } from "../ffi/job.ts";
import { STDIN, STDOUT } from "../ffi/standard_streams.ts";
import {
  isBackground,
  RawMode,
  type WindowSize,
  windowSize,
} from "../ffi/terminal.ts";
import type { TtyRequest } from "../protocol/mod.ts";
import { terminalKind } from "./terminal_environment.ts";

const DEFAULT_SIZE: WindowSize = { rows: 24, cols: 80 };

/** How long sizes are gathered while a window is dragged, in milliseconds. */
const RESIZE_INTERVAL = 50;

/** How often to look whether a shell has fetched this job, in milliseconds. */
const FOREGROUND_INTERVAL = 200;

const ENDS = ["error", "unhandledrejection", "unload"] as const;

/**
 * This process's terminal, as the far end of a remote one: raw, so that all keys
 * go there, and followed in its size. Without a terminal there is a size only.
 *
 * However this process ends, the terminal gets its modes back, except by SIGKILL.
 */
export class LocalTerminal implements Disposable {
  /** Whether keys come from a terminal. */
  readonly interactive: boolean;
  #raw: RawMode | undefined;
  #resize: ((size: WindowSize) => void) | undefined;
  #sent: WindowSize | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #fetched: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param hasInput Whether this process's standard input is to be used.
   */
  constructor(hasInput: boolean) {
    this.interactive = hasInput && Deno.stdin.isTerminal();
  }

  /** Returns what a remote terminal must be for it to be like this one. */
  request(): TtyRequest {
    const term = terminalKind();
    this.#sent = currentSize() ?? DEFAULT_SIZE;
    return { ...this.#sent, ...(term !== undefined && { term }) };
  }

  /**
   * Makes the terminal raw, and follows its size.
   *
   * @param resize Called when the size isn't the requested one any more.
   */
  attach(resize: (size: WindowSize) => void): void {
    this.#resize = resize;
    Deno.addSignalListener("SIGWINCH", this.#onWindowChange);
    Deno.addSignalListener("SIGCONT", this.#onContinue);
    if (this.interactive) {
      Deno.addSignalListener("SIGTSTP", this.#onStop);
      for (const type of ENDS) addEventListener(type, this.#onEnd);
    }
    this.#resume();
  }

  /**
   * Stops this process's job until somebody continues it. Where nobody would,
   * nothing happens.
   */
  suspend(): void {
    try {
      if (!isJob()) return;
    } catch {
      // It cannot be told.
      return;
    }
    this.#restore();
    stopJob();
  }

  /** Gives the terminal its modes back. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#fetched);
    Deno.removeSignalListener("SIGWINCH", this.#onWindowChange);
    Deno.removeSignalListener("SIGCONT", this.#onContinue);
    Deno.removeSignalListener("SIGTSTP", this.#onStop);
    for (const type of ENDS) removeEventListener(type, this.#onEnd);
    this.#restore();
  }

  readonly #onWindowChange = () => {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#update();
    }, RESIZE_INTERVAL);
  };

  readonly #onStop = () => this.suspend();

  readonly #onContinue = () => {
    // A shell's size may have been another one meanwhile.
    this.#sent = undefined;
    try {
      this.#resume();
    } catch {
      // The terminal is gone, which shows when it is read from.
    }
  };

  readonly #onEnd = () => this.#restore();

  /** Also after a stop that nobody announced, upon which a shell sets modes. */
  #resume(): void {
    clearTimeout(this.#fetched);
    if (this.interactive) {
      if (isBackground(STDIN.number)) {
        // A shell says nothing when it fetches a job that runs already.
        this.#fetched = setTimeout(this.#onContinue, FOREGROUND_INTERVAL);
        return;
      }
      // Not before: in the background the modes are a shell's own.
      this.#raw ??= new RawMode(STDIN.number);
      this.#raw.enter();
      STDIN.wake();
    }
    // It may have changed meanwhile.
    this.#update();
  }

  #restore(): void {
    // In the background the terminal is somebody else's.
    if (isBackground(STDIN.number)) return;
    try {
      this.#raw?.restore();
    } catch {
      // It is gone.
    }
  }

  #update(): void {
    const size = currentSize();
    if (size === undefined) return;
    const { rows, cols } = this.#sent ?? {};
    if (size.rows === rows && size.cols === cols) return;
    this.#sent = size;
    this.#resize?.(size);
  }
}

function currentSize(): WindowSize | undefined {
  return windowSize(STDIN.number) ?? windowSize(STDOUT.number);
}
