/**
 * The agent: everything between a listener and its sessions.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { delay } from "@std/async/delay";
import type { Connection } from "../ffi/connection.ts";
import type { Listener } from "../ffi/listener.ts";
import { inheritedEnvironment } from "./exec/environment.ts";
import { TERM_GRACE } from "./exec/time_limit.ts";
import { IdleMemory } from "./idle_memory.ts";
import { RefusalLog } from "./logging/refusal_log.ts";
import { formatPeer, isAdmitted } from "./peer.ts";
import { serveSession } from "./session.ts";
import type { SessionContext, SessionSettings } from "./session_context.ts";
import { SessionError } from "./session_error.ts";
import { turnAway } from "./turn_away.ts";

/** Options for {@linkcode Server}. */
export interface ServerOptions extends SessionSettings {
  /** The vsock context identifiers that are let in. */
  readonly cids: readonly number[];
}

/**
 * How long clients then have to take their last frames, in milliseconds. It
 * covers the grace for grandchildren that hold the pipes from elsewhere.
 */
const CLOSE_GRACE = 3000;

/** How many clients are told at once that there is no room for them. */
const MAX_TURNED_AWAY = 100;

const logger = getLogger(["cocoon-agent", "server"]);

/** Serves the connections of one listener. */
export class Server {
  readonly #listener: Listener;
  readonly #options: ServerOptions;
  readonly #sessions = new Map<Connection, Promise<void>>();
  readonly #memory = new IdleMemory();
  /** How many connections there are of those that there is no room for. */
  #turnedAway = 0;
  readonly #strangers = new RefusalLog(
    "{unlogged} connections more were refused",
  );
  readonly #refusals = new RefusalLog(
    "{unlogged} times more a limit was reached",
  );
  readonly #stopping = new AbortController();
  readonly #killing = new AbortController();

  /**
   * @param listener The listener, which the server closes.
   * @param options The options.
   */
  constructor(listener: Listener, options: ServerOptions) {
    this.#listener = listener;
    this.#options = options;
  }

  /**
   * Accepts and serves connections until the server is stopped.
   *
   * @throws {OsError} If the listener fails for good.
   */
  async serve(): Promise<void> {
    const context: SessionContext = {
      ...this.#options,
      environment: inheritedEnvironment(),
      refusals: this.#refusals,
      root: "",
      stopping: this.#stopping.signal,
      killing: this.#killing.signal,
    };
    this.#memory.idle();
    for await (const connection of this.#listener) {
      const peer = formatPeer(connection.peer);
      if (!isAdmitted(connection.peer, this.#options.cids)) {
        this.#strangers.record(
          "Connection of {peer} refused: only {admitted} is let in",
          { peer, admitted: this.#admitted(connection) },
        );
        connection.close();
        continue;
      }
      if (this.#sessions.size >= this.#options.limits.sessions) {
        this.#turnAway(connection, peer);
        continue;
      }
      this.#memory.busy();
      const session = serveSession(connection, connection.peer, context)
        .catch((error) => {
          connection.close();
          logger.error("Session of {peer} failed: {error}", {
            peer,
            error: String(error),
          });
        })
        .finally(() => {
          this.#sessions.delete(connection);
          if (this.#sessions.size === 0) this.#memory.idle();
        });
      this.#sessions.set(connection, session);
    }
  }

  /**
   * Stops gracefully: accepts nothing more, ends the children by SIGTERM (on
   * a terminal SIGHUP) and after two seconds by SIGKILL, and gives the clients
   * their terminal frames.
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

  /** Answers one client too many; where even they are too many, without a word. */
  #turnAway(connection: Connection, peer: string): void {
    const { sessions } = this.#options.limits;
    this.#refusals.record(
      "Connection of {peer} refused: there are {sessions} already (--max-sessions)",
      { peer, limit: "--max-sessions", sessions },
    );
    if (this.#turnedAway >= MAX_TURNED_AWAY) return connection.close();
    this.#turnedAway++;
    const message =
      `The agent has no room for another session: it may have ${sessions} at once (--max-sessions); try again later`;
    turnAway(connection, { type: "error", code: "busy", message })
      .finally(() => this.#turnedAway--);
  }

  #admitted({ peer }: Connection): string {
    return peer.transport === "vsock"
      ? `CID ${this.#options.cids.join(", ")}`
      : "root and the agent's own user";
  }
}
