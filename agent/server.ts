/**
 * The agent: everything between a listener and its sessions.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { getLogger } from "@logtape/logtape";
import type { Connection } from "../ffi/connection.ts";
import type { Listener } from "../ffi/listener.ts";
import { inheritedEnvironment } from "./environment.ts";
import type { Grants } from "./grants.ts";
import { formatPeer, isAdmitted } from "./peer.ts";
import { RefusalLog } from "./refusal_log.ts";
import { serveSession } from "./session.ts";
import { SessionError } from "./session_error.ts";

/** Options for {@linkcode Server}. */
export interface ServerOptions {
  /** What callers may run. */
  grants: Grants;
  /** The vsock context identifiers that are let in. */
  cids: readonly number[];
  /**
   * The folder that holds the `etc` and `var` that `reseed` changes.
   *
   * @default {""}
   */
  root?: string;
}

/** How long children have between SIGTERM and SIGKILL, in milliseconds. */
const TERM_GRACE = 2000;
/**
 * How long clients then have to take their last frames, in milliseconds. It
 * covers the grace for grandchildren that hold the pipes from elsewhere.
 */
const CLOSE_GRACE = 3000;

const logger = getLogger(["cocoon-agent", "server"]);

/** Serves the connections of one listener. */
export class Server {
  readonly #listener: Listener;
  readonly #options: Required<ServerOptions>;
  readonly #sessions = new Map<Connection, Promise<void>>();
  readonly #refusals = new RefusalLog();
  readonly #stopping = new AbortController();
  readonly #killing = new AbortController();

  /**
   * @param listener The listener, which the server closes.
   * @param options The options.
   */
  constructor(listener: Listener, options: ServerOptions) {
    this.#listener = listener;
    this.#options = { root: "", ...options };
  }

  /**
   * Accepts and serves connections until the server is stopped.
   *
   * @throws {OsError} If the listener fails for good.
   */
  async serve(): Promise<void> {
    const context = {
      grants: this.#options.grants,
      root: this.#options.root,
      environment: inheritedEnvironment(),
      stopping: this.#stopping.signal,
      killing: this.#killing.signal,
    };
    for await (const connection of this.#listener) {
      const peer = formatPeer(connection.peer);
      if (!isAdmitted(connection.peer, this.#options.cids)) {
        this.#refusals.record(peer, this.#admitted(connection));
        connection.close();
        continue;
      }
      const session = serveSession(connection, peer, context)
        .catch((error) => {
          connection.close();
          logger.error("Session of {peer} failed: {error}", {
            peer,
            error: String(error),
          });
        })
        .finally(() => this.#sessions.delete(connection));
      this.#sessions.set(connection, session);
    }
  }

  /**
   * Stops gracefully: accepts nothing more, ends the children by SIGTERM and
   * after two seconds by SIGKILL, and gives the clients their terminal frames.
   *
   * @returns A promise that resolves when all sessions have ended.
   */
  async stop(): Promise<void> {
    this.#listener.close();
    this.#stopping.abort(
      new SessionError("busy", "The agent is stopping; try again"),
    );
    if (await this.#settled(TERM_GRACE)) return;
    this.#killing.abort();
    if (await this.#settled(CLOSE_GRACE)) return;
    for (const connection of this.#sessions.keys()) connection.close();
    await this.#settled(TERM_GRACE);
  }

  /** Kills all children at once, for a process that is about to exit. */
  kill(): void {
    this.#listener.close();
    this.#killing.abort();
  }

  async #settled(timeout: number): Promise<boolean> {
    const over = new AbortController();
    const sessions = Promise.all(this.#sessions.values()).then(() => true);
    const late = delay(timeout, { signal: over.signal }).then(() => false);
    late.catch(() => {});
    try {
      return await Promise.race([sessions, late]);
    } finally {
      over.abort();
    }
  }

  #admitted({ peer }: Connection): string {
    return peer.transport === "vsock"
      ? `CID ${this.#options.cids.join(", ")}`
      : "root and the agent's own user";
  }
}
