/**
 * The `serve` command.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { getLogger } from "@logtape/logtape";
import { type Command, UsageError } from "../cli/command.ts";
import { type ParsedFlags, parseInteger } from "../cli/parse_flags.ts";
import { VMADDR_CID_ANY } from "../ffi/abi.ts";
import { OsError } from "../ffi/errno.ts";
import { listen, type Listener } from "../ffi/listener.ts";
import { formatAddress, type SocketAddress } from "../ffi/socket_address.ts";
import { Grants } from "./grants.ts";
import { closeLogging, configureLogging } from "./logging.ts";
import { HOST_CID } from "./peer.ts";
import { Server } from "./server.ts";
import { ServiceManager } from "./service_manager.ts";

const DEFAULT_PORT = 1024;
const MAX_U32 = 0xffffffff;

/** At boot the vsock driver may come late, or another agent may still hold the port. */
const BIND_ATTEMPTS = 120;
/** How long to wait between two attempts, in milliseconds. */
const BIND_INTERVAL = 1000;

const logger = getLogger(["cocoon-agent", "serve"]);

/** Runs the agent in a guest. */
export const serveCommand: Command = {
  name: "serve",
  summary: "Run the agent: listen, and run commands for callers",
  usage: ["serve [FLAGS]"],
  flags: [
    {
      name: "port",
      value: "PORT",
      description: `Listen on this vsock port (default ${DEFAULT_PORT})`,
    },
    {
      name: "listen",
      value: "ADDRESS",
      description: "Listen on vsock:PORT or unix:PATH instead",
    },
    {
      name: "allow-run",
      value: "A,B,…",
      description: "Run only these programs, by name or path (default: any)",
    },
    {
      name: "allow-cid",
      value: "CID",
      repeatable: true,
      description: `Let this vsock CID in, beside the host's (${HOST_CID})`,
    },
  ],
  notes: `Environment:
  AGENT_LOG_LEVEL  debug, info (default), warn or error

Exit codes:
  0  stopped by SIGTERM or SIGINT (a second one ends at once, with 128 + n)
  1  cannot listen, or stopped listening for a reason beyond the agent
  2  wrong usage`,
  usageExitCode: 2,
  run: serve,
};

async function serve(flags: ParsedFlags): Promise<number> {
  const address = listenAddress(flags);
  const grants = new Grants(programList(flags), Deno.env.get("PATH"));
  const cids = flags.all("allow-cid").map((cid) =>
    parseInteger("--allow-cid", cid, MAX_U32)
  );
  try {
    await configureLogging(
      Deno.env.get("AGENT_LOG_LEVEL"),
      Deno.env.has("JOURNAL_STREAM"),
    );
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
  const stop = new AbortController();
  try {
    return await listenAndServe(address, grants, [HOST_CID, ...cids], stop);
  } catch (error) {
    logger.error("{error}", {
      error: error instanceof Error ? error.message : String(error),
    });
    return 1;
  } finally {
    await closeLogging();
  }
}

async function listenAndServe(
  address: SocketAddress,
  grants: Grants,
  cids: readonly number[],
  stop: AbortController,
): Promise<number> {
  const manager = new ServiceManager(Deno.env);
  let server: Server | undefined;
  let stopped: Promise<void> | undefined;

  function onSignal(signal: Deno.Signal, number: number): void {
    if (stop.signal.aborted) {
      server?.kill();
      Deno.exit(128 + number);
    }
    stop.abort();
    stopped = server?.stop();
    logger.info("Stopping on {signal}", { signal });
    manager.stopping();
  }
  const onTerm = () => onSignal("SIGTERM", 15);
  const onInt = () => onSignal("SIGINT", 2);
  globalThis.addEventListener("unhandledrejection", logRejection);
  Deno.addSignalListener("SIGTERM", onTerm);
  Deno.addSignalListener("SIGINT", onInt);
  try {
    const listener = await bind(address, manager, stop.signal);
    if (listener === undefined) return 0;
    server = new Server(listener, { grants, cids });
    // Begun before anybody is told, so that it is true.
    const served = server.serve();
    const status = `Listening on ${formatAddress(address)}`;
    logger.info("{status}; programs: {programs}", {
      status,
      programs: grants.toString(),
    });
    manager.ready(status);
    await served;
    await stopped;
    logger.info("Stopped");
    return 0;
  } finally {
    manager.stopping();
    globalThis.removeEventListener("unhandledrejection", logRejection);
    Deno.removeSignalListener("SIGTERM", onTerm);
    Deno.removeSignalListener("SIGINT", onInt);
  }
}

/** A slip in one session must not end the others. */
function logRejection(event: PromiseRejectionEvent): void {
  event.preventDefault();
  logger.error("Unexpected failure: {error}", { error: String(event.reason) });
}

/** Listens, and on vsock tries again for two minutes; `undefined` if stopped. */
async function bind(
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

function listenAddress(flags: ParsedFlags): SocketAddress {
  const port = flags.integer("port", MAX_U32 - 1);
  const text = flags.get("listen");
  if (text === undefined) return vsockAddress(port ?? DEFAULT_PORT);
  if (port !== undefined) {
    throw new UsageError("--port and --listen exclude each other");
  }
  const [transport, ...parts] = text.split(":");
  const place = parts.join(":");
  if (transport === "vsock") {
    return vsockAddress(parseInteger("--listen vsock:", place, MAX_U32 - 1));
  }
  if (transport === "unix" && place !== "") return { transport, path: place };
  throw new UsageError(
    `--listen must be vsock:PORT or unix:PATH, got "${text}"`,
  );
}

function vsockAddress(port: number): SocketAddress {
  return { transport: "vsock", cid: VMADDR_CID_ANY, port };
}

function programList(flags: ParsedFlags): string[] | undefined {
  const programs = flags.get("allow-run")?.split(",");
  if (programs?.includes("")) {
    throw new UsageError("--allow-run has an empty entry in its list");
  }
  return programs;
}
