/**
 * Listening on an address that may not be there yet.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { delay } from "@std/async/delay";
import { OsError } from "../../ffi/errno.ts";
import { listen, type Listener } from "../../ffi/listener.ts";
import type { SocketAddress } from "../../ffi/socket_address.ts";
import type { ServiceManager } from "./service_manager.ts";

/** At boot the vsock driver may come late, or another agent may still hold the port. */
const BIND_ATTEMPTS = 120;
/** How long to wait between two attempts, in milliseconds. */
const BIND_INTERVAL = 1000;

const logger = getLogger(["cocoon-agent", "serve"]);

/**
 * Listens, and on vsock tries again for two minutes where it fails.
 *
 * @param address Where.
 * @param manager Who is told that it has failed so far.
 * @param stop Ends the tries.
 * @returns The listener, or `undefined` if it was told to stop.
 * @throws {OsError} If it fails for good.
 */
export async function bind(
  address: SocketAddress,
  manager: ServiceManager,
  stop: AbortSignal,
): Promise<Listener | undefined> {
  const attempts = address.transport === "vsock" ? BIND_ATTEMPTS : 1;
  for (let attempt = 1; !stop.aborted; attempt++) {
    try {
      return listen(address, {
        onPause: (error) =>
          logger.warn("{error}; accepting again when that has passed", {
            error: error.message,
          }),
      });
    } catch (error) {
      if (!(error instanceof OsError) || attempt >= attempts) throw error;
      if (attempt === 1) {
        const seconds = BIND_ATTEMPTS * BIND_INTERVAL / 1000;
        logger.warn("{error}; trying again for {seconds} seconds", {
          error: error.message,
          seconds,
        });
        manager.status(`${error.message}; trying again`);
      }
      await delay(BIND_INTERVAL, { signal: stop }).catch(() => {});
    }
  }
  return undefined;
}
