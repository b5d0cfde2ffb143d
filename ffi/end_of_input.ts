/**
 * The end of what is typed at a terminal.
 *
 * A pipe stays at its end, whoever reads it; a terminal has no such state. Its end
 * of input is a character, which the kernel acts on in the modes that hold when it
 * is typed, and which one read takes away. A program that begins to edit lines
 * itself after that, such as a shell with much in its rc files, finds a zero byte
 * in its place; one that throws away what was typed before finds nothing.
 *
 * @module
 */

/** What {@linkcode EndOfInput} needs of a terminal. */
export interface EndableTerminal {
  /**
   * Whether something that was typed waits for a reader; `undefined` if it can't be
   * told.
   */
  hasUnread(): boolean | undefined;
  /** Returns what ends the input in the modes in force, if anything does. */
  endOfInput(): EndCharacter | undefined;
  /** Whether a line was begun and not ended by what was typed last. */
  readonly midLine: boolean;
  /** Types a character, if there is room for it. */
  type(character: number): void;
  /** Returns the process group in the foreground, if there is one. */
  foregroundGroup(): number | undefined;
}

/** The character that ends a terminal's input. */
export interface EndCharacter {
  /** Its code. */
  readonly code: number;
  /**
   * Whether input is read by lines, so that the kernel acts on it. Programs get it
   * as a byte of their input otherwise.
   */
  readonly byLines: boolean;
}

/**
 * How long nothing must happen on the terminal before the end is typed, in
 * milliseconds. Who has just read a line may be about to change the modes.
 */
const SETTLE = 50;
/** For how long a terminal that never is quiet may put it off, in milliseconds. */
const MAX_SETTLE = 10 * SETTLE;
/**
 * When to look again though nothing has happened, in milliseconds: what was typed
 * can be thrown away without an event. Only so often, as a terminal on which
 * nothing happens must not keep the agent awake.
 */
const LOOKS = [250, 500, 1000, 2000, 4000] as const;
/** How often one program may get the end as a byte of input. */
const MAX_BYTES = 8;
/**
 * How often of these without growing pauses. A program that edits a line has heard
 * of the end by then, and only waits for the end of the line.
 */
const FREE_BYTES = 3;

const RETURN = 0x0d;

/**
 * Keeps a terminal's input at its end: types the end of the input whenever
 * everything before it was read, and so again when the end itself was read or was
 * thrown away. Where input is read by lines nobody sees more of it than of a pipe's
 * end. A program that reads bytes gets a few of these characters, with pauses that
 * grow, and no more; after the first ones the return key, if it is in the midst of a
 * line.
 */
export class EndOfInput {
  readonly #terminal: EndableTerminal;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;
  #unsettledSince: number | undefined;
  #looks = 0;
  #group: number | undefined;
  #bytes = 0;
  #nextByte = 0;

  /**
   * @param terminal The terminal, whose input ends now.
   */
  constructor(terminal: EndableTerminal) {
    this.#terminal = terminal;
    this.notice();
  }

  /** Says that something was read from the terminal, or written to it. */
  notice(): void {
    if (this.#stopped) return;
    const now = performance.now();
    this.#unsettledSince ??= now;
    this.#looks = 0;
    const latest = this.#unsettledSince + MAX_SETTLE;
    this.#lookIn(Math.min(SETTLE, Math.max(latest - now, 0)));
  }

  /** Types no more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #lookIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), milliseconds);
  }

  #look(): void {
    this.#unsettledSince = undefined;
    let pause;
    try {
      pause = this.#typeIfRead();
    } catch {
      // The terminal is gone.
      return;
    }
    const next = pause ?? LOOKS[this.#looks++];
    if (next !== undefined) this.#lookIn(next);
  }

  /** Types the end if it is time for it; returns how long that is to wait. */
  #typeIfRead(): number | undefined {
    const unread = this.#terminal.hasUnread();
    if (unread === true) return undefined;
    const end = this.#terminal.endOfInput();
    if (end === undefined) return undefined;
    let { code } = end;
    if (!end.byLines || unread === undefined) {
      const now = performance.now();
      this.#recognizeProgram();
      if (this.#bytes >= MAX_BYTES) return undefined;
      if (now < this.#nextByte) return this.#nextByte - now;
      if (this.#bytes === FREE_BYTES && this.#terminal.midLine) code = RETURN;
      const doublings = Math.max(++this.#bytes - FREE_BYTES, 0);
      this.#nextByte = now + SETTLE * 2 ** doublings;
    }
    this.#terminal.type(code);
    return undefined;
  }

  /** Lets another program in the foreground have as many bytes as the last one. */
  #recognizeProgram(): void {
    const group = this.#terminal.foregroundGroup();
    if (group === this.#group) return;
    this.#group = group;
    this.#bytes = 0;
    this.#nextByte = 0;
  }
}
