/**
 * A peer that speaks in bytes, and knows nothing of the project's own code.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { within } from "./_bounded.ts";

/** A frame as it came: the JSON of one line. */
export interface WireFrame {
  /** The frame's type. */
  readonly type: string;
  /** The bytes that came behind the line, where it has announced any. */
  readonly raw?: Uint8Array;
  /** The frame's other fields. */
  readonly [name: string]: unknown;
}

/** A session from its first answer to the end of the connection. */
export interface WireSession {
  /** All frames, in order. */
  readonly frames: readonly WireFrame[];
  /** The child, if one was started. */
  readonly pid: number | undefined;
  /** All that came as `stdout`. */
  readonly stdout: Uint8Array;
  /** All that came as `stderr`. */
  readonly stderr: Uint8Array;
  /** The terminal frame. */
  readonly end: WireFrame;
  /** The terminal frame's line, without the newline. */
  readonly endLine: string;
}

const LF = 10;
const READ_SIZE = 64 * 1024;

/** One end of a connection, raw. */
export class Wire implements Disposable {
  /** The last line that was read, without its newline. */
  lastLine = "";
  /** Whether a line with a `size` has that many bytes behind it. */
  raw = false;
  readonly #connection: Deno.UnixConn;
  readonly #chunk = new Uint8Array(READ_SIZE);
  #unread: Uint8Array = new Uint8Array(0);
  #closed = false;

  /**
   * @param connection The connection, which is closed with this.
   */
  constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
  }

  /**
   * Connects to a unix socket.
   *
   * @param path The socket's path.
   */
  static async connect(path: string): Promise<Wire> {
    return new Wire(await Deno.connect({ transport: "unix", path }));
  }

  /**
   * Sends something as it is, or an object as a line of JSON.
   *
   * @param message Text, bytes, or a frame.
   */
  async send(message: string | Uint8Array | WireFrame): Promise<void> {
    const bytes = message instanceof Uint8Array
      ? message
      : new TextEncoder().encode(
        typeof message === "string" ? message : `${JSON.stringify(message)}\n`,
      );
    for (let at = 0; at < bytes.length;) {
      at += await this.#connection.write(bytes.subarray(at));
    }
  }

  /**
   * Sends something to a peer that may be gone before it has all of it.
   *
   * @param messages Each as for {@linkcode Wire.send}.
   */
  async trySend(
    messages: Iterable<string | Uint8Array | WireFrame>,
  ): Promise<void> {
    try {
      for (const message of messages) await this.send(message);
    } catch (error) {
      if (!this.#closed && !isDisconnected(error)) throw error;
    }
  }

  /** Says that nothing more is sent. */
  async closeWrite(): Promise<void> {
    await this.#connection.closeWrite();
  }

  /** Closes the connection. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Reads the next line.
   *
   * @param timeout How long it may take, in milliseconds.
   * @returns The line without its newline, or `undefined` at the end.
   */
  async readLine(timeout?: number): Promise<string | undefined> {
    return await within(this.#readLine(), "a frame, or the end", timeout);
  }

  /**
   * Reads bytes as they come.
   *
   * @param most How many are read from the socket at most.
   * @returns Some bytes, or `undefined` at the end.
   */
  async readChunk(most = READ_SIZE): Promise<Uint8Array | undefined> {
    if (this.#unread.length === 0) {
      const count = await this.#readSome(most);
      return count === null ? undefined : this.#chunk.slice(0, count);
    }
    const bytes = this.#unread;
    this.#unread = new Uint8Array(0);
    return bytes;
  }

  /**
   * Forwards what comes to another connection, until it ends. The end of one
   * direction is that of both, as hypervisors have it.
   *
   * @param other The other connection.
   * @param record Called with each chunk.
   */
  async forwardTo(
    other: Wire,
    record?: (chunk: Uint8Array) => void,
  ): Promise<void> {
    try {
      for (;;) {
        const chunk = await this.readChunk();
        if (chunk === undefined) return;
        record?.(chunk);
        await other.trySend([chunk]);
      }
    } finally {
      this.close();
      other.close();
    }
  }

  /**
   * Reads the next frame.
   *
   * @param timeout How long it may take, in milliseconds.
   * @returns The frame, or `undefined` at the end of the connection.
   */
  async read(timeout?: number): Promise<WireFrame | undefined> {
    const line = await this.readLine(timeout);
    if (line === undefined) return undefined;
    this.lastLine = line;
    const frame = JSON.parse(line);
    assert(
      typeof frame?.type === "string",
      `Not a frame: ${line.slice(0, 200)}`,
    );
    if (!this.raw || frame.size === undefined) return frame;
    const bytes = this.#readBytes(frame.size);
    return { ...frame, raw: await within(bytes, "announced bytes", timeout) };
  }

  /**
   * Reads the next frame, which must be of a type.
   *
   * @param type The type.
   * @returns The frame.
   */
  async expect(type: string): Promise<WireFrame> {
    const frame = await this.read();
    assertEquals(frame?.type, type, `Got ${this.lastLine.slice(0, 200)}`);
    return frame!;
  }

  /**
   * Reads the `started` frame.
   *
   * @returns The child's process id.
   */
  async expectStarted(): Promise<number> {
    const { pid } = await this.expect("started");
    assert(typeof pid === "number" && pid > 1, `Not a process id: ${pid}`);
    return pid as number;
  }

  /**
   * Reads to the end of the connection, and checks what is true of every
   * session: exactly one terminal frame, and nothing behind it.
   *
   * @param timeout How long each frame may take, in milliseconds.
   */
  async readSession(timeout?: number): Promise<WireSession> {
    const frames: WireFrame[] = [];
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    for (;;) {
      const frame = await this.read(timeout);
      if (frame === undefined) break;
      if (frame.type === "stdout" || frame.type === "stderr") {
        output[frame.type].push(decodeData(frame));
      }
      frames.push(frame);
    }
    const terminal = frames.filter(({ type }) =>
      type === "exit" || type === "error"
    );
    assertEquals(terminal.length, 1, "There must be one terminal frame");
    assertEquals(terminal[0], frames.at(-1), "It must be the last frame");
    const started = frames.find(({ type }) => type === "started");
    return {
      frames,
      pid: started?.pid as number | undefined,
      stdout: Buffer.concat(output.stdout),
      stderr: Buffer.concat(output.stderr),
      end: terminal[0]!,
      endLine: this.lastLine,
    };
  }

  async #readLine(): Promise<string | undefined> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const end = this.#unread.indexOf(LF);
      if (end >= 0) {
        parts.push(this.#unread.subarray(0, end));
        this.#unread = this.#unread.subarray(end + 1);
        return Buffer.concat(parts).toString();
      }
      if (this.#unread.length > 0) parts.push(this.#unread);
      const count = await this.#readSome();
      if (count === null) {
        assertEquals(
          Buffer.concat(parts).toString(),
          "",
          "The connection ended within a line",
        );
        return undefined;
      }
      this.#unread = this.#chunk.slice(0, count);
    }
  }

  async #readBytes(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const chunk = await this.readChunk();
      if (!chunk) throw new Error("The connection ended within a raw frame");
      const part = chunk.subarray(0, length - at);
      bytes.set(part, at);
      at += part.length;
      this.#unread = chunk.subarray(part.length);
    }
    return bytes;
  }

  async #readSome(most = READ_SIZE): Promise<number | null> {
    this.#unread = new Uint8Array(0);
    try {
      return await this.#connection.read(this.#chunk.subarray(0, most));
    } catch (error) {
      // The end as it shows where the peer left something unread, or where
      // this end was closed meanwhile.
      if (this.#closed || isDisconnected(error)) return null;
      throw error;
    }
  }
}

/**
 * Returns bytes in a frame's base64.
 *
 * @param type The frame's type.
 * @param data The bytes, or text.
 */
export function dataFrame(type: string, data: string | Uint8Array): WireFrame {
  return { type, data: Buffer.from(data as Uint8Array).toString("base64") };
}

/**
 * Returns bytes behind the line that announces them.
 *
 * @param type The frame's type.
 * @param data The bytes, or text.
 */
export function rawFrame(type: string, data: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(data as Uint8Array);
  const line = JSON.stringify({ type, size: bytes.length });
  return Buffer.concat([Buffer.from(`${line}\n`), bytes]);
}

/**
 * Returns the bytes of a data frame.
 *
 * @param frame The frame, whose data may be missing.
 */
export function decodeData({ data = "", raw }: WireFrame): Buffer {
  return raw ? Buffer.from(raw) : Buffer.from(data as string, "base64");
}

/**
 * Returns bytes as the text that they are in UTF-8.
 *
 * @param bytes The bytes.
 */
export function text(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

/**
 * Returns the SHA-256 of bytes in hexadecimal.
 *
 * @param bytes The bytes.
 */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest(
    "SHA-256",
    bytes as Uint8Array<ArrayBuffer>,
  );
  return Buffer.from(digest).toString("hex");
}

/**
 * Returns random bytes.
 *
 * @param length How many.
 */
export function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const most = 65536;
  for (let at = 0; at < length; at += most) {
    crypto.getRandomValues(bytes.subarray(at, at + most));
  }
  return bytes;
}

function isDisconnected(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe;
}
