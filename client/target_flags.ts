/**
 * The flags by which the client commands take their target.
 *
 * @module
 */

import { type Flag, UsageError } from "../cli/command.ts";
import { type ParsedFlags, parseInteger } from "../cli/parse_flags.ts";
import { printMessage } from "../cli/print.ts";
import { type CallOptions, DEFAULT_CONNECT_TIMEOUT } from "./session.ts";
import { DEFAULT_PORT, formatTarget, type Target } from "./target.ts";
import { retryWhileBusy, waitForAgent } from "./wait_for_agent.ts";

/** The highest number is the wildcard, see vsock(7). */
const MAX_NUMBER = 0xfffffffe;

/** Names the target where no flag does. */
const TARGET_VARIABLE = "COCOON_TARGET";

/** How long one may wait for an agent without being told, in milliseconds. */
const NOTICE_DELAY = 500;

/** How the flags are written in a usage line. */
export const TARGET_USAGE = "(--cid N | --uds PATH | --unix PATH)";

/** The flags for the target and for reaching it. */
export const TARGET_FLAGS: readonly Flag[] = [
  {
    name: "cid",
    value: "N",
    description: "The machine with this CID, over the kernel's vsock",
  },
  {
    name: "uds",
    value: "PATH",
    description:
      "The machine behind this hybrid vsock socket (Cloud Hypervisor, Firecracker, vhost-device-vsock)",
  },
  {
    name: "unix",
    value: "PATH",
    description: "The agent that listens on this unix socket",
  },
  {
    name: "port",
    value: "PORT",
    description: `The agent's vsock port (default ${DEFAULT_PORT})`,
  },
  {
    name: "connect-timeout",
    value: "TIME",
    description:
      `How long connecting may take, up to the first answer (default ${
        DEFAULT_CONNECT_TIMEOUT / 1000
      }s)`,
  },
  {
    name: "wait",
    value: "TIME",
    description: "Wait this long for the agent to come up, such as 30s",
  },
];

/** What the commands' help says about where else the target may come from. */
export const TARGET_NOTES = `Environment:
  COCOON_TARGET  the machine where no flag names it: vsock:CID[:PORT],
                 uds:PATH[:PORT] or unix:PATH`;

/**
 * Returns the target that the flags name, or else the environment.
 *
 * @param flags The flags.
 * @returns The target.
 * @throws {UsageError} If they name none, or several.
 */
export function parseTarget(flags: ParsedFlags): Target {
  const cid = flags.integer("cid", 0, MAX_NUMBER);
  const uds = flags.get("uds");
  const unix = flags.get("unix");
  const port = flags.integer("port", 0, MAX_NUMBER);
  const targets: Target[] = [];
  if (cid !== undefined) targets.push({ cid });
  if (uds !== undefined) targets.push({ uds });
  if (unix !== undefined) targets.push({ unix });
  const target = targets[0] ?? environmentTarget();
  if (target === undefined || targets.length > 1) {
    const [word] = flags.rest;
    const late = flags.rest.some((arg) => /^--(cid|uds|unix)(=|$)/.test(arg))
      ? `; flags end at the first word that is none, which is "${word}"`
      : "";
    throw new UsageError(
      `Name the machine by exactly one of --cid N, --uds PATH and --unix PATH${late}`,
    );
  }
  if ("unix" in target) {
    if (port === undefined) return target;
    throw new UsageError("--port does not go with --unix");
  }
  return { ...target, port: port ?? target.port ?? DEFAULT_PORT };
}

/** Returns the target that the environment names, if it names one. */
function environmentTarget(): Target | undefined {
  const text = readVariable();
  if (!text) return undefined;
  const vsock = text.match(/^vsock:(\d+)(?::(\d+))?$/);
  if (vsock) {
    const [, cid, port] = vsock;
    return { cid: parseNumber(cid!), ...(port && { port: parseNumber(port) }) };
  }
  const uds = text.match(/^uds:(.+?)(?::(\d+))?$/s);
  if (uds) {
    const [, path, port] = uds;
    return { uds: path!, ...(port && { port: parseNumber(port) }) };
  }
  const [, path] = text.match(/^unix:(.+)$/s) ?? [];
  if (path !== undefined) return { unix: path };
  throw new UsageError(
    `${TARGET_VARIABLE} must be vsock:CID[:PORT], uds:PATH[:PORT] or unix:PATH, got "${text}"`,
  );
}

function parseNumber(text: string): number {
  return parseInteger(TARGET_VARIABLE, text, 0, MAX_NUMBER);
}

function readVariable(): string | undefined {
  try {
    return Deno.env.get(TARGET_VARIABLE);
  } catch (error) {
    // Whoever runs the client without this permission names targets by flags.
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/**
 * Waits for the agent as long as `--wait` says, and calls it; for what is left of
 * that time again while the agent has no room.
 *
 * @param target Where the agent is.
 * @param flags The flags.
 * @param call Makes the call with the options that it is given.
 * @param options The signal that ends the call, if there is one.
 * @returns What the call returns.
 * @throws {ConnectionError} If the agent doesn't come up in time.
 * @throws {UsageError} If a duration is malformed, or leaves no time to connect.
 * @throws As the call does, or if the signal is aborted, its reason.
 */
export async function callAgent<T>(
  target: Target,
  flags: ParsedFlags,
  call: (options: CallOptions) => Promise<T>,
  { signal }: Pick<CallOptions, "signal"> = {},
): Promise<T> {
  const connectTimeout = flags.duration("connect-timeout") ??
    DEFAULT_CONNECT_TIMEOUT;
  if (connectTimeout === 0) {
    throw new UsageError("--connect-timeout must be more than 0");
  }
  const options = { connectTimeout, ...(signal && { signal }) };
  const wait = flags.duration("wait") ?? 0;
  if (wait === 0) return await call(options);
  const deadline = performance.now() + wait;
  const notice = setTimeout(() => {
    if (Deno.stderr.isTerminal()) {
      printMessage(`Waiting for the agent at ${formatTarget(target)} …`);
    }
  }, NOTICE_DELAY);
  try {
    await waitForAgent(target, wait, options);
    return await retryWhileBusy(() => call(options), deadline, signal);
  } finally {
    clearTimeout(notice);
  }
}
