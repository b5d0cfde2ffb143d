/**
 * How much of the agent's one thread a session gets at a time.
 *
 * @module
 */

import { readinessLoop } from "../ffi/readiness_loop.ts";
import { heavyWork } from "./heavy_work.ts";

/**
 * From how many bytes of JSON on a frame is heavy: what is shorter takes two
 * milliseconds at most. Only the first one may hold many values.
 */
const HEAVY_BYTES = { first: 8 * 1024, later: 128 * 1024 } as const;
/** How much JSON of smaller frames is parsed before others have their turn. */
const LIGHT_BYTES = 8 * 1024;
/** How many frames are obeyed before others have their turn. */
const FRAMES_PER_TURN = 32;

/**
 * Paces one session's work. An ordinary session never waits: only what a client can
 * make as long as it likes is put off.
 *
 * Each method returns `undefined` if the work may be done at once, and else a promise:
 * once that resolves, the same is to be asked again.
 */
export class SessionPace {
  readonly #lost: AbortSignal;
  #over = false;
  #frame: keyof typeof HEAVY_BYTES = "first";
  #bytes = 0;
  #frames = 0;
  /** Whether the first frame is heavy, and so what it asks for. */
  #heavy = false;
  #waiting = false;
  #granted = false;

  /**
   * @param lost Aborted when the client is gone.
   */
  constructor(lost: AbortSignal) {
    this.#lost = lost;
  }

  /** Whether a heavy frame waits for those of others. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /**
   * Asks to split more of a chunk into lines.
   *
   * @returns What is to be waited for first, if anything.
   * @throws If the session is over.
   */
  lines(): Promise<void> | undefined {
    this.#check();
    return readinessLoop.countBulk();
  }

  /**
   * Asks to parse a line as JSON.
   *
   * @param bytes The line's length.
   * @returns What is to be waited for first, if anything.
   * @throws If the session is over, unless the line is a short first one.
   */
  json(bytes: number): Promise<void> | undefined {
    const heavy = bytes > HEAVY_BYTES[this.#frame];
    // What a client asked for that left at once is worth a record.
    if (heavy || this.#frame === "later") this.#check();
    this.#heavy ||= heavy && this.#frame === "first";
    const turn = heavy ? this.#enter(false) : this.#countBytes(bytes);
    if (turn === undefined) this.#frame = "later";
    return turn;
  }

  /**
   * Asks to obey another frame.
   *
   * @returns What is to be waited for first, if anything.
   */
  frame(): Promise<void> | undefined {
    if (++this.#frames <= FRAMES_PER_TURN) return undefined;
    const turn = readinessLoop.countBulk();
    if (turn === undefined) this.#frames = 0;
    return turn;
  }

  /**
   * Asks to go on with what the first frame wants, which takes the longer the larger
   * the frame was.
   *
   * @returns What is to be waited for first, if anything.
   */
  step(): Promise<void> | undefined {
    return this.#heavy ? this.#enter(true) : readinessLoop.countOperation();
  }

  /** Ends the session: what still waits fails. */
  end(): void {
    this.#over = true;
  }

  #check(): void {
    this.#lost.throwIfAborted();
    if (this.#over) throw new Error("The session is over");
  }

  #countBytes(bytes: number): Promise<void> | undefined {
    this.#bytes += bytes;
    if (this.#bytes <= LIGHT_BYTES) return undefined;
    const turn = readinessLoop.countBulk();
    if (turn === undefined) this.#bytes = 0;
    return turn;
  }

  #enter(begun: boolean): Promise<void> | undefined {
    if (this.#granted) {
      this.#granted = false;
      return undefined;
    }
    const turn = heavyWork.enter(begun);
    if (turn === undefined) return undefined;
    this.#waiting = true;
    return turn.then(() => {
      this.#waiting = false;
      this.#granted = true;
    });
  }
}
