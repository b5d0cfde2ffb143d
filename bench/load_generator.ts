/**
 * A client that costs as little as possible, so that what is measured is the
 * agent. It knows nothing of the project's own client: what it sends is made
 * beforehand, and of what it receives it looks at the end only.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** How much is read at once at most, in bytes. */
const READ_SIZE = 1024 * 1024;
/** How much an answer to a short command needs, in bytes. */
const SMALL_READ_SIZE = 16 * 1024;
/** How much of what came last is looked at for the terminal frame, in bytes. */
const TAIL = 512;
/** How much data a frame of stdin has, in bytes. */
const STDIN_FRAME_DATA = 32 * 1024;
/** How much data is sent by one write, in bytes. */
export const BLOCK_DATA = 1024 * 1024;

const EXIT = /"type":\s*"exit"/;
const FAILED = /"type":\s*"error"|"exit_code":\s*[^0\s]/;
const STARTED = /"type":\s*"started"/;

const encoder = new TextEncoder();

/** Where an agent listens. */
export interface Listener {
  /** The path of its unix socket. */
  readonly socket: string;
}

/** The terminal that echo asks for. */
const TERMINAL = { rows: 24, cols: 80, term: "dumb" };

/**
 * Returns the bytes of a first frame.
 *
 * @param argv The command.
 * @param options What else is asked for.
 */
export function execRequest(
  argv: readonly string[],
  options: Readonly<Record<string, unknown>> = {},
): Uint8Array {
  return encoder.encode(
    `${JSON.stringify({ type: "exec", argv, ...options })}\n`,
  );
}

const STDIN_CLOSE = encoder.encode(`{"type":"stdin_close"}\n`);

/** What runs `true`, without stdin. */
export const RUN_TRUE: Uint8Array = concat(
  execRequest(["true"]),
  STDIN_CLOSE,
);

/** What an agent says when it runs `true`. */
export class TrueAnswer {
  /** Whether the frame has come that says how it ended. */
  complete = false;
  #text = "";

  /**
   * Adds what the agent has said.
   *
   * @param bytes What it has said, nothing at the end of the connection.
   * @throws {Error} If it is no answer to that, or the end of the connection.
   */
  add(bytes: Uint8Array): void {
    this.#text += latin1(bytes);
    if (bytes.length === 0 || FAILED.test(this.#text)) {
      throw unexpected(this.#text);
    }
    this.complete = EXIT.test(this.#text);
  }
}

/**
 * Runs `true` on a connection of its own, up to the frame that says how it
 * ended.
 *
 * @param listener The agent.
 * @returns How long that took, in milliseconds.
 */
export async function runTrue({ socket }: Listener): Promise<number> {
  const start = performance.now();
  using connection = await connect(socket);
  await writeAll(connection, RUN_TRUE);
  const chunk = new Uint8Array(SMALL_READ_SIZE);
  const answer = new TrueAnswer();
  while (!answer.complete) {
    answer.add(chunk.subarray(0, await connection.read(chunk) ?? 0));
  }
  return performance.now() - start;
}

/**
 * Runs `true` many times.
 *
 * @param listener The agent.
 * @param count How many times.
 * @param clients How many run it at a time.
 * @returns How long the whole took, in milliseconds.
 */
export async function runMany(
  listener: Listener,
  count: number,
  clients: number,
): Promise<number> {
  let left = count;
  async function client() {
    while (left-- > 0) await runTrue(listener);
  }
  const start = performance.now();
  await Promise.all(Array.from({ length: clients }, client));
  return performance.now() - start;
}

/** The command that writes zeros to its stdout. */
export function zeros(bytes: number): string[] {
  return ["head", "-c", String(bytes), "/dev/zero"];
}

/** The command that reads its stdin to the end. */
export const SINK: readonly string[] = ["sh", "-c", "exec cat >/dev/null"];

const readBuffer = new Uint8Array(READ_SIZE);

/**
 * Lets a command write zeros to its stdout, and receives them in frames of JSON.
 * Two of these must not run at a time.
 *
 * @param listener The agent.
 * @param bytes How many.
 * @returns How long that took, in milliseconds.
 */
export async function receive(
  { socket }: Listener,
  bytes: number,
): Promise<number> {
  const request = concat(execRequest(zeros(bytes)), STDIN_CLOSE);
  const start = performance.now();
  using connection = await connect(socket);
  await writeAll(connection, request);
  const { total, tail } = await readToEnd(connection);
  const time = performance.now() - start;
  if (!EXIT.test(tail) || FAILED.test(tail)) throw unexpected(tail);
  if (total < bytes * 4 / 3) {
    throw new Error(`Got ${total} bytes for ${bytes} in base64`);
  }
  return time;
}

let block: Uint8Array | undefined;

/**
 * Sends zeros to a command that reads its stdin to the end, in frames of JSON.
 *
 * @param listener The agent.
 * @param bytes How many, a multiple of {@linkcode BLOCK_DATA}.
 * @returns How long that took, in milliseconds.
 */
export async function send(
  { socket }: Listener,
  bytes: number,
): Promise<number> {
  block ??= repeatBytes(
    dataFrame("stdin", new Uint8Array(STDIN_FRAME_DATA)),
    BLOCK_DATA / STDIN_FRAME_DATA,
  );
  const start = performance.now();
  using connection = await connect(socket);
  const end = readToEnd(connection);
  try {
    await writeAll(connection, execRequest(SINK));
    for (let left = bytes / BLOCK_DATA; left > 0; left--) {
      await writeAll(connection, block);
    }
    await writeAll(connection, STDIN_CLOSE);
  } catch (error) {
    const { tail } = await end;
    throw tail === "" ? error : unexpected(tail);
  }
  const { tail } = await end;
  const time = performance.now() - start;
  if (!EXIT.test(tail) || FAILED.test(tail)) throw unexpected(tail);
  return time;
}

/** A session that stays open. */
export class Session implements Disposable {
  readonly #connection: Deno.UnixConn;
  readonly #chunk = new Uint8Array(SMALL_READ_SIZE);
  #text = "";

  private constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
  }

  /**
   * Starts a command, and waits until it runs.
   *
   * @param listener The agent.
   * @param request The first frame, by {@linkcode execRequest}.
   */
  static async open(
    { socket }: Listener,
    request: Uint8Array,
  ): Promise<Session> {
    const session = new Session(await connect(socket));
    try {
      await writeAll(session.#connection, request);
      const line = await session.#readLine();
      if (!STARTED.test(line)) throw unexpected(line);
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /**
   * Starts a command that sends back what it gets.
   *
   * @param listener The agent.
   * @param terminal Whether on a terminal rather than on pipes.
   */
  static async openEcho(
    listener: Listener,
    terminal = false,
  ): Promise<Session> {
    if (!terminal) return await Session.open(listener, execRequest(["cat"]));
    // Otherwise the terminal would echo, and not the command.
    const argv = ["sh", "-c", "stty raw -echo && echo && exec cat"];
    const request = execRequest(argv, { tty: TERMINAL });
    const session = await Session.open(listener, request);
    await session.#readOutput();
    return session;
  }

  /**
   * Sends a short line, and waits until it comes back.
   *
   * @returns How long that took, in milliseconds.
   */
  async echo(): Promise<number> {
    const start = performance.now();
    await writeAll(this.#connection, ECHO);
    for (let missing = ECHO_LINE.length; missing > 0;) {
      missing -= (await this.#readOutput()).length;
    }
    return performance.now() - start;
  }

  /** Leaves, upon which the agent ends the command. */
  close(): void {
    this.#connection.close();
  }

  /** Leaves. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #readOutput(): Promise<Uint8Array> {
    const line = await this.#readLine();
    const { type, data } = JSON.parse(line);
    if (type !== "stdout") throw unexpected(line);
    return Buffer.from(data, "base64");
  }

  async #readLine(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const count = await this.#connection.read(this.#chunk);
      if (count === null) throw unexpected(this.#text);
      this.#text += latin1(this.#chunk.subarray(0, count));
    }
  }
}

/** What {@linkcode Session.echo} sends. */
export const ECHO_LINE: Uint8Array = encoder.encode("x\n");
const ECHO = dataFrame("stdin", ECHO_LINE);

/**
 * Returns the bytes of a frame with data.
 *
 * @param type Its type.
 * @param data The data.
 */
export function dataFrame(type: string, data: Uint8Array): Uint8Array {
  const base64 = Buffer.from(data).toString("base64");
  return encoder.encode(`{"type":"${type}","data":"${base64}"}\n`);
}

/**
 * Returns bytes several times over.
 *
 * @param bytes The bytes.
 * @param count How many times.
 */
export function repeatBytes(bytes: Uint8Array, count: number): Uint8Array {
  return concat(...Array.from({ length: count }, () => bytes));
}

/**
 * Writes all of some bytes.
 *
 * @param connection Where to.
 * @param bytes The bytes.
 */
export async function writeAll(
  connection: Deno.UnixConn,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await connection.write(bytes.subarray(at));
  }
}

async function connect(socket: string): Promise<Deno.UnixConn> {
  return await Deno.connect({ transport: "unix", path: socket });
}

/** Counts what comes, and keeps the end of it. */
async function readToEnd(
  connection: Deno.UnixConn,
): Promise<{ total: number; tail: string }> {
  let total = 0;
  let tail = "";
  try {
    for (;;) {
      const count = await connection.read(readBuffer);
      if (count === null) break;
      total += count;
      const last = readBuffer.subarray(Math.max(0, count - TAIL), count);
      tail = (tail + latin1(last)).slice(-TAIL);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return { total, tail };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString("latin1");
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function unexpected(text: string): Error {
  return new Error(
    `The agent said nothing of the expected kind, but: ${
      text.slice(-TAIL) || "nothing"
    }`,
  );
}
