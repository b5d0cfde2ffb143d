/**
 * The life of an agent, from its start to its end.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { ownEnvironment } from "../../ffi/environment.ts";
import { bindAll } from "../../ffi/libc.ts";
import { resetSignals } from "../../ffi/signals.ts";
import { formatAddress } from "../../ffi/socket_address.ts";
import {
  checkResourceLimits,
  openContainment,
} from "../containment/containment.ts";
import { confine } from "../grants/confinement.ts";
import { Server } from "../server.ts";
import { SessionError } from "../session_error.ts";
import { bind } from "./bind.ts";
import type { ServeSettings } from "./serve_flags.ts";
import { openPolicy, reloadPolicy } from "./served_policy.ts";
import { ServiceManager } from "./service_manager.ts";

const logger = getLogger(["cocoon-agent", "serve"]);

/**
 * Runs an agent until a signal stops it.
 *
 * @param settings What its flags say.
 * @throws {PolicyError} If its policy file has a fault.
 * @throws {Error} If it cannot listen, confine what it runs or keep its limits, or
 * its listener fails for good.
 */
export async function serve(settings: ServeSettings): Promise<void> {
  const { address, grants, confined, policyFile, resourceLimits } = settings;
  resetSignals();
  const policy = policyFile === undefined
    ? undefined
    : await openPolicy(policyFile, grants);
  const confinement = confined && confine(confined, ownEnvironment());
  for (const warning of confinement?.warnings ?? await grants.warnings()) {
    logger.warn("{warning}", { warning });
  }
  const stop = new AbortController();
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
  const onHup = () => reloadPolicy(policy, grants);
  // Without a policy, whoever closes the terminal wants the agent to end.
  const mayReload = policy !== undefined || !Deno.stdin.isTerminal();
  if (mayReload) Deno.addSignalListener("SIGHUP", onHup);
  globalThis.addEventListener("unhandledrejection", logRejection);
  Deno.addSignalListener("SIGTERM", onTerm);
  Deno.addSignalListener("SIGINT", onInt);
  try {
    const listener = await bind(address, manager, stop.signal);
    if (listener === undefined) return;
    // Not before: whoever holds the address may hold the control groups as well.
    using containment = openContainment(address.transport === "vsock");
    try {
      checkResourceLimits(resourceLimits, containment);
    } catch (error) {
      listener.close();
      if (!(error instanceof SessionError)) throw error;
      throw new Error(`Cannot serve: ${error.message}`, { cause: error });
    }
    server = new Server(listener, {
      ...settings,
      confinement,
      policy,
      containment,
    });
    // Begun before anybody is told, so that it is true.
    const served = server.serve();
    const status = `Listening on ${formatAddress(address)}`;
    logger.info(
      "{status}; programs: {programs}; policy: {policy}; containment: {containment}",
      {
        status,
        programs: confinement === undefined
          ? grants.toString()
          : `${grants}; held by Landlock, ABI ${confinement.landlockAbi}`,
        policy: policy?.path ?? "none",
        containment: containment.toString(),
      },
    );
    manager.ready(status);
    bindAll();
    await served;
    await stopped;
    logger.info("Stopped");
  } finally {
    manager.stopping();
    globalThis.removeEventListener("unhandledrejection", logRejection);
    if (mayReload) Deno.removeSignalListener("SIGHUP", onHup);
    Deno.removeSignalListener("SIGTERM", onTerm);
    Deno.removeSignalListener("SIGINT", onInt);
  }
}

/** A slip in one session must not end the others. */
function logRejection(event: PromiseRejectionEvent): void {
  event.preventDefault();
  logger.error("Unexpected failure: {error}", { error: String(event.reason) });
}
