/**
 * Speaking to systemd, where it started this process; see sd_notify(3).
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { notify } from "../../ffi/notify.ts";

const logger = getLogger(["cocoon-agent", "service-manager"]);

/** The service manager, or nobody where there is none. */
export class ServiceManager {
  readonly #socket: string | undefined;
  readonly #watchdogInterval: number | undefined;
  #stopping = false;
  #watchdog: ReturnType<typeof setInterval> | undefined;

  /**
   * @param environment The variables that the service manager set:
   * `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
   */
  constructor(environment: Pick<Deno.Env, "get">) {
    this.#socket = environment.get("NOTIFY_SOCKET");
    this.#watchdogInterval = watchdogInterval(environment);
  }

  /**
   * Says that the agent serves, and from now on that it is alive as often as
   * the watchdog wants it.
   *
   * @param status What it does, for people.
   */
  ready(status: string): void {
    this.#notify({ READY: "1", STATUS: status });
    if (this.#watchdogInterval !== undefined) {
      this.#watchdog = setInterval(
        () => this.#notify({ WATCHDOG: "1" }),
        this.#watchdogInterval,
      );
    }
  }

  /**
   * Says what the agent is doing.
   *
   * @param status What it does, for people.
   */
  status(status: string): void {
    this.#notify({ STATUS: status });
  }

  /** Says that the agent is about to end; a second call does nothing. */
  stopping(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    clearInterval(this.#watchdog);
    this.#notify({ STOPPING: "1", STATUS: "Stopping" });
  }

  #notify(state: Readonly<Record<string, string>>): void {
    if (this.#socket === undefined) return;
    try {
      notify(this.#socket, state);
    } catch (error) {
      // Serving callers matters more than telling anybody about it.
      logger.warn("{error}", {
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
}

/** Half of what systemd allows, in milliseconds, as sd_watchdog_enabled(3) advises. */
function watchdogInterval(
  environment: Pick<Deno.Env, "get">,
): number | undefined {
  const microseconds = Number(environment.get("WATCHDOG_USEC"));
  const pid = environment.get("WATCHDOG_PID");
  const meant = pid === undefined || pid === String(Deno.pid);
  return meant && microseconds > 0 ? microseconds / 2000 : undefined;
}
