/**
 * The agent: everything between a listener and its sessions.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { delay } from "@std/async/delay";
import type { Connection } from "../ffi/connection.ts";
import type { Listener } from "../ffi/listener.ts";
import { Admission } from "./admission.ts";
import { inheritedEnvironment } from "./exec/environment.ts";
import { TERM_GRACE } from "./exec/time_limit.ts";
import { IdleMemory } from "./idle_memory.ts";
import { agentInfo } from "./info.ts";
import { AuditTrail, beginAudit } from "./logging/audit.ts";
import { RefusalLog } from "./logging/refusal_log.ts";
import { admittedCallers, callerOf, formatPeer } from "./peer.ts";
import { Reserve } from "./reserve.ts";
import { serveSession } from "./session.ts";
import type { SessionContext, SessionSettings } from "./session_context.ts";
import { SessionError } from "./session_error.ts";

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

const logger = getLogger(["cocoon-agent", "server"]);

/** Serves the connections of one listener. */
export class Server {
  readonly #listener: Listener;
  readonly #options: ServerOptions;
  readonly #sessions = new Map<Connection, Promise<void>>();
  readonly #memory = new IdleMemory();
  readonly #callers: ReadonlySet<number>;
  readonly #room: Admission;
  readonly #reserve: Reserve;
  readonly #strangers = new RefusalLog(
    "{unlogged} connections more were refused",
  );
  readonly #refusals = new RefusalLog(
    "{unlogged} times more a limit was reached",
  );
  readonly #audit: AuditTrail;
  readonly #stopping = new AbortController();
  readonly #killing = new AbortController();

  /**
   * @param listener The listener, which the server closes.
   * @param options The options.
   */
  constructor(listener: Listener, options: ServerOptions) {
    this.#listener = listener;
    this.#options = options;
    const { transport } = listener.address;
    this.#callers = admittedCallers(transport, options.cids);
    this.#room = new Admission(options.limits.sessions, this.#callers);
    this.#reserve = new Reserve(this.#callers);
    this.#audit = new AuditTrail(options.redact);
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
      audit: this.#audit,
      refusals: this.#refusals,
      root: "",
      stopping: this.#stopping.signal,
      killing: this.#killing.signal,
    };
    this.#memory.idle();
    for await (const connection of this.#listener) {
      const peer = formatPeer(connection.peer);
      const caller = callerOf(connection.peer);
      if (!this.#callers.has(caller)) {
        this.#strangers.record(
          "Connection of {peer} refused: only {admitted} is let in",
          { peer, admitted: this.#admitted(connection) },
        );
        connection.close();
        continue;
      }
      if (!this.#room.enter(caller)) {
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
          this.#room.leave(caller);
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
    await this.#endSessions();
    this.#audit.close();
  }

  /** Kills all children at once, for a process that is about to exit. */
  kill(): void {
    this.#listener.close();
    this.#killing.abort();
  }

  async #endSessions(): Promise<void> {
    if (await this.#settled(TERM_GRACE)) return;
    this.#killing.abort();
    if (await this.#settled(CLOSE_GRACE)) return;
    for (const connection of this.#sessions.keys()) connection.close();
    await this.#settled(TERM_GRACE);
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

  /** Answers a client that there is no session for. */
  async #turnAway(connection: Connection, peer: string): Promise<void> {
    const { sessions } = this.#options.limits;
    const full = this.#sessions.size >= sessions;
    const audit = beginAudit(peer);
    const message = full
      ? `The agent has no room for another session: it may have ${sessions} at once (--max-sessions); try again later`
      : `The agent has no room for another session of this caller: it keeps what is left of ${sessions} (--max-sessions) for others; try again later`;
    const caller = callerOf(connection.peer);
    const informed = await this.#reserve.answer(connection, caller, {
      busy: { type: "error", code: "busy", message },
      info: () => agentInfo(this.#options),
    });
    if (informed) {
      audit.kind = "info";
      audit.outcome = { type: "exit", exitCode: 0 };
      this.#audit.ended(audit);
      return;
    }
    this.#refusals.record(
      full
        ? "Connection of {peer} refused: there are {sessions} already (--max-sessions)"
        : "Connection of {peer} refused: what is left of {sessions} is kept for others (--max-sessions)",
      { peer, limit: "--max-sessions", sessions },
    );
  }

  #admitted({ peer }: Connection): string {
    return peer.transport === "vsock"
      ? `CID ${this.#options.cids.join(", ")}`
      : "root and the agent's own user";
  }
}
