/**
 * Servers for clients to meet: what they say is up to the test.
 *
 * @module
 */

import { within } from "./_bounded.ts";
import { Wire, type WireFrame } from "./_wire.ts";

/** A server on a private unix socket, which handles each connection alike. */
export class Peer implements AsyncDisposable {
  /** The socket's path. */
  readonly path: string;
  /** How many connections it had. */
  connections = 0;
  readonly #folder = Deno.makeTempDirSync({ prefix: "peer-" });
  readonly #listener: Deno.UnixListener;
  readonly #handled: Promise<void>;
  readonly #closing = Promise.withResolvers<void>();

  /**
   * @param handle Handles a connection, which is closed after it.
   */
  constructor(handle: (wire: Wire, closing: Promise<void>) => Promise<void>) {
    this.path = `${this.#folder}/peer.sock`;
    this.#listener = Deno.listen({ transport: "unix", path: this.path });
    this.#handled = this.#serve(handle);
    this.#handled.catch(() => {});
  }

  /** Closes it when its connections have ended; what failed in them is thrown. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#closing.resolve();
    try {
      await within(this.#handled, "the end of the peer's connections");
    } finally {
      await Deno.remove(this.#folder, { recursive: true });
    }
  }

  async #serve(
    handle: (wire: Wire, closing: Promise<void>) => Promise<void>,
  ): Promise<void> {
    const handled: Promise<void>[] = [];
    const handleOne = async (connection: Deno.UnixConn) => {
      using wire = new Wire(connection);
      await handle(wire, this.#closing.promise);
    };
    for await (const connection of this.#listener) {
      this.connections++;
      const end = handleOne(connection);
      // It is looked at when the peer is closed.
      end.catch(() => {});
      handled.push(end);
    }
    await Promise.all(handled);
  }
}

/**
 * Starts a peer that reads what a session begins with, answers, and closes.
 *
 * @param answer What it sends: bytes, text or frames.
 */
export function answerWith(
  ...answer: readonly (string | Uint8Array | WireFrame)[]
): Peer {
  return new Peer(async (wire) => {
    await wire.read();
    await wire.trySend(answer);
  });
}
