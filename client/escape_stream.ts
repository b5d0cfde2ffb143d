/**
 * Talking to the client itself from within a remote terminal, as ssh does it.
 *
 * @module
 */

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** How many typed bytes are kept for a command that takes none. */
const BUFFER_BYTES = 1024 * 1024;

/** What the keys after the escape character do. */
export interface EscapeCommands {
  /** `.`: leaves the session. */
  leave(): void;
  /** Control-Z: suspends the client. */
  suspend(): void;
  /** `?`: shows what there is. */
  help(): void;
}

const COMMANDS: ReadonlyMap<number, keyof EscapeCommands> = new Map([
  [0x2e, "leave"],
  [0x1a, "suspend"],
  [0x3f, "help"],
]);

/**
 * Passes what is typed on, and carries out the commands in it: an escape
 * character at the start of a line, and a key. The character twice is sent once,
 * and before any other key it is sent with it.
 *
 * The stream goes on reading while nothing is taken from it, up to 1 MiB, so
 * that commands are heard where the remote end is dead.
 */
export class EscapeStream extends TransformStream<Uint8Array, Uint8Array> {
  readonly #escape: number;
  readonly #commands: EscapeCommands;
  #atLineStart = true;
  /** Whether the last byte so far is an escape character that isn't sent yet. */
  #pending = false;

  /**
   * @param escape The escape character.
   * @param commands What the commands do.
   */
  constructor(escape: number, commands: EscapeCommands) {
    super(
      {
        transform: (chunk, controller) => this.#scan(chunk, controller),
        flush: (controller) => {
          if (this.#pending) controller.enqueue(Uint8Array.of(escape));
        },
      },
      undefined,
      new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_BYTES }),
    );
    this.#escape = escape;
    this.#commands = commands;
  }

  #scan(
    chunk: Uint8Array,
    controller: TransformStreamDefaultController<Uint8Array>,
  ): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#pending) {
        this.#pending = false;
        const key = rest[0]!;
        const command = COMMANDS.get(key);
        if (command !== undefined) {
          this.#commands[command]();
          if (command === "leave") return controller.terminate();
          rest = rest.subarray(1);
          continue;
        }
        // The key itself is sent with what follows it.
        if (key !== this.#escape) {
          controller.enqueue(Uint8Array.of(this.#escape));
        }
        this.#atLineStart = false;
      }
      const end = this.#findEscape(rest);
      if (end > 0) {
        controller.enqueue(rest.subarray(0, end));
        this.#atLineStart = isNewline(rest[end - 1]!);
      }
      this.#pending = end < rest.length;
      rest = rest.subarray(end + 1);
    }
  }

  /** Finds the escape character at the start of a line, or else the end. */
  #findEscape(bytes: Uint8Array): number {
    let at = bytes.indexOf(this.#escape);
    while (
      at > 0 ? !isNewline(bytes[at - 1]!) : at === 0 && !this.#atLineStart
    ) {
      at = bytes.indexOf(this.#escape, at + 1);
    }
    return at < 0 ? bytes.length : at;
  }
}

function isNewline(byte: number): boolean {
  return byte === LINE_FEED || byte === CARRIAGE_RETURN;
}
