/**
 * Running a command.
 *
 * @module
 */

import {
  type ExecFrame,
  type Feature,
  type KnownFrame,
  requestedFeatures,
  type TtyRequest,
} from "../protocol/mod.ts";
import { type NeededFeature, UnsupportedError } from "./errors.ts";
import { probeInfo } from "./info.ts";
import { RemoteProcess, type Stdio } from "./remote_process.ts";
import { type CallOptions, openSession } from "./session.ts";
import type { Target } from "./target.ts";
import { checkTerminalSize } from "./terminal_size.ts";

/** What a command may take of its machine, with all that it starts. */
export interface Limits {
  /** Bytes of memory. A command that takes more is killed. */
  memory?: number;
  /** How many processes and threads there may be at once. */
  pids?: number;
  /** How many processors' time it gets, such as 0.5. */
  cpu?: number;
}

/** Where, as whom, for how long and within which limits a command runs. */
export interface Placement {
  /** Variables laid over the agent's own environment. */
  env?: Readonly<Record<string, string>>;
  /**
   * Whether `env` is the whole environment.
   *
   * @default {false}
   */
  clearEnv?: boolean;
  /** The working directory, the agent's own by default. */
  cwd?: string;
  /**
   * The user by name or uid, with `:` and a group by name or gid if wanted; the
   * agent's own by default.
   */
  user?: string;
  /**
   * How long the command may take, in milliseconds. Then its process group gets
   * SIGTERM, and two seconds later SIGKILL.
   */
  timeout?: number;
  /**
   * What it may take, no more than the agent gives; by default that is what it
   * gets.
   */
  limits?: Limits;
}

/** Options for {@linkcode spawn}. */
export interface SpawnOptions extends CallOptions, Placement, Partial<Stdio> {
  /**
   * The terminal to run the command on, which has one output: `stdout`. Closing
   * `stdin` types the end-of-file character for whoever reads. Without it there are
   * three pipes.
   */
  tty?: TtyRequest;
  /**
   * Whether data may go as it is, without base64, if the agent can do that too.
   *
   * @default {true}
   */
  raw?: boolean;
}

/**
 * Runs a command in a guest.
 *
 * @example Bytes in, bytes out
 * ```ts ignore
 * import { spawn } from "@cocoonstack/agent";
 *
 * await using process = await spawn({ uds: "/run/vm.sock" }, ["sha256sum"]);
 * const file = await Deno.open("image.raw");
 * await file.readable.pipeTo(process.stdin);
 * console.log(await new Response(process.stdout).text());
 * console.log((await process.status).code);
 * ```
 *
 * @example A shell on a terminal
 * ```ts ignore
 * import { spawn } from "@cocoonstack/agent";
 *
 * const { rows, columns: cols } = Deno.consoleSize();
 * await using shell = await spawn({ cid: 3 }, ["bash"], {
 *   tty: { rows, cols, term: "xterm-256color" },
 *   user: "admin",
 *   cwd: "/srv",
 * });
 * shell.resize({ rows: 50, cols: 132 });
 * ```
 *
 * @param target Where the agent is.
 * @param argv The program, found by the PATH in the guest, and its arguments.
 * @param options The options.
 * @returns The running command. An aborted `signal` kills it.
 * @throws {ConnectionError} If the agent cannot be reached.
 * @throws {AgentError} If the agent cannot run the command; its `code` says why.
 * @throws {UnsupportedError} If the agent lacks an extension that is needed.
 * @throws {ProtocolError} If the agent breaks the protocol.
 * @throws {RangeError} If the timeout, a limit or the terminal's size is none.
 * @throws {TypeError} If an argument, a variable, the folder or the user holds a lone
 * surrogate.
 * @throws If the signal is aborted before the command runs, its reason.
 */
export async function spawn(
  target: Target,
  argv: readonly string[],
  options: SpawnOptions = {},
): Promise<RemoteProcess> {
  const { signal } = options;
  const { stdin = "piped", stdout = "piped", stderr = "piped" } = options;
  const exec = execFrame(argv, options);
  const needed = requestedFeatures(exec).filter(isNeeded);
  // An old agent would run the command all the same, as another user or in
  // another place, before it can be seen from its answer that it is one.
  if (needed.length > 0) {
    const agent = await probeInfo(target, options);
    requireFeatures(target, needed, agent?.features);
  }
  const request: KnownFrame[] = [exec];
  if (stdin === "null") request.push({ type: "stdin_close" });
  const session = await openSession(target, request, options);
  const { answer } = session;
  if (answer.type !== "started") throw session.reject("started");
  try {
    requireFeatures(target, needed, answer.features);
  } catch (error) {
    session.abort();
    throw error;
  }
  const process = new RemoteProcess(session, answer, target, {
    stdin,
    stdout,
    stderr,
  });
  if (signal) {
    const kill = () => process.kill("SIGKILL");
    signal.addEventListener("abort", kill, { once: true });
    const forget = () => signal.removeEventListener("abort", kill);
    process.status.then(forget, forget);
  }
  return process;
}

function execFrame(
  argv: readonly string[],
  { env = {}, clearEnv, cwd, user, timeout, limits = {}, tty, raw = true }:
    SpawnOptions,
): ExecFrame {
  const { memory, pids, cpu } = limits;
  if (timeout !== undefined && !(timeout > 0 && timeout < Infinity)) {
    throw new RangeError(
      `Cannot limit a command to ${timeout} ms: it must be a positive number`,
    );
  }
  const texts = [...argv, ...Object.entries(env).flat(), cwd, user];
  const broken = texts.find((text) => text?.isWellFormed() === false);
  if (broken !== undefined) {
    throw new TypeError(
      `Cannot run ${JSON.stringify(argv[0])}: ${
        JSON.stringify(broken)
      } holds half of a character (a lone surrogate), which isn't UTF-8`,
    );
  }
  checkResourceLimits(limits);
  if (tty) checkTerminalSize(tty);
  return {
    type: "exec",
    argv,
    env,
    ...(cwd !== undefined && { cwd }),
    ...(user !== undefined && { user }),
    ...(timeout !== undefined && { timeoutMs: Math.ceil(timeout) }),
    ...(clearEnv !== undefined && { clearEnv }),
    ...(memory !== undefined && { memoryBytes: memory }),
    ...(pids !== undefined && { pids }),
    ...(cpu !== undefined && { cpus: cpu }),
    ...(tty && { tty }),
    features: ["signals", "flow", ...(raw ? ["raw"] : []), "usage"],
  };
}

function checkResourceLimits({ memory = 1, pids = 1, cpu = 1 }: Limits): void {
  for (const [name, limit] of Object.entries({ memory, pids })) {
    if (Number.isSafeInteger(limit) && limit > 0) continue;
    throw new RangeError(
      `Cannot limit a command's ${name} to ${limit}: it must be a positive integer`,
    );
  }
  if (!(cpu > 0 && cpu < Infinity)) {
    throw new RangeError(
      `Cannot limit a command to ${cpu} processors: it must be a positive number`,
    );
  }
}

/** Whether a command must not run without an extension. */
function isNeeded(feature: Feature): feature is "placement" | "limits" | "tty" {
  return feature === "placement" || feature === "limits" || feature === "tty";
}

function requireFeatures(
  target: Target,
  needed: readonly NeededFeature[],
  features: readonly string[] = [],
): void {
  const missing = needed.find((feature) => !features.includes(feature));
  if (missing !== undefined) throw new UnsupportedError(target, missing);
}
