/**
 * What can be asked of an agent.
 *
 * @module
 */

import { LimitedBytesTransformStream } from "@std/streams/limited-bytes-transform-stream";
import { toBytes } from "@std/streams/to-bytes";
import {
  type AgentInfo,
  type KnownFrame,
  ProtocolError,
} from "../protocol/mod.ts";
import { AgentError } from "./errors.ts";
import {
  RemoteProcess,
  type RemoteStatus,
  type Stdio,
} from "./remote_process.ts";
import { type CallOptions, openSession, type Session } from "./session.ts";
import type { Target } from "./target.ts";

/** Options for {@linkcode spawn}. */
export interface SpawnOptions extends CallOptions, Partial<Stdio> {
  /** Variables laid over the agent's own environment. */
  env?: Readonly<Record<string, string>>;
}

/** Options for {@linkcode output}. */
export interface OutputOptions extends CallOptions, Pick<SpawnOptions, "env"> {
  /**
   * How many bytes of stdout, and of stderr, to take at most.
   *
   * @default {67108864}
   */
  maxBytes?: number;
}

/** What {@linkcode output} returns. */
export interface RemoteOutput extends RemoteStatus {
  /** All that the command wrote to its stdout. */
  readonly stdout: Uint8Array;
  /** All that the command wrote to its stderr. */
  readonly stderr: Uint8Array;
}

/** Options for {@linkcode reseed}. */
export interface ReseedOptions extends CallOptions {
  /** Random bytes for the guest's kernel; it takes up to 512. */
  entropy: Uint8Array;
  /**
   * Give the guest a fresh machine id as well.
   *
   * @default {false}
   */
  regenMachineId?: boolean;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

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
 * @param target Where the agent is.
 * @param argv The program, found by the PATH in the guest, and its arguments.
 * @param options The options.
 * @returns The running command. An aborted `signal` kills it.
 * @throws {ConnectionError} If the agent cannot be reached.
 * @throws {AgentError} If the agent cannot run the command; its `code` says why.
 * @throws {ProtocolError} If the agent breaks the protocol.
 * @throws If the signal is aborted before the command runs, its reason.
 */
export async function spawn(
  target: Target,
  argv: readonly string[],
  options: SpawnOptions = {},
): Promise<RemoteProcess> {
  const { env = {}, signal } = options;
  const { stdin = "piped", stdout = "piped", stderr = "piped" } = options;
  const request: KnownFrame[] = [{ type: "exec", argv, env }];
  if (stdin === "null") request.push({ type: "stdin_close" });
  const session = await openSession(target, request, options);
  const { answer } = session;
  if (answer.type !== "started") throw unexpected(session, "started");
  const process = new RemoteProcess(session, answer.pid, {
    stdin,
    stdout,
    stderr,
  });
  if (signal) {
    const kill = () => process.kill();
    signal.addEventListener("abort", kill, { once: true });
    const forget = () => signal.removeEventListener("abort", kill);
    process.status.then(forget, forget);
  }
  return process;
}

/**
 * Runs a command in a guest to its end, without input, and collects what it
 * writes.
 *
 * @example The guest's kernel
 * ```ts ignore
 * import { output } from "@cocoonstack/agent";
 *
 * const { stdout } = await output({ cid: 3 }, ["uname", "-r"]);
 * console.log(new TextDecoder().decode(stdout));
 * ```
 *
 * @param target Where the agent is.
 * @param argv The program, found by the PATH in the guest, and its arguments.
 * @param options The options.
 * @returns How the command ended, and its output.
 * @throws {RangeError} If the command writes more than `maxBytes`.
 * @throws As {@linkcode spawn} does, and as `RemoteProcess.status` rejects.
 */
export async function output(
  target: Target,
  argv: readonly string[],
  options: OutputOptions = {},
): Promise<RemoteOutput> {
  const { maxBytes = DEFAULT_MAX_BYTES } = options;
  await using process = await spawn(target, argv, {
    ...options,
    stdin: "null",
  });
  const collect = (stream: ReadableStream<Uint8Array>): Promise<Uint8Array> =>
    toBytes(
      stream.pipeThrough(
        new LimitedBytesTransformStream(maxBytes, { error: true }),
      ),
    );
  const [stdout, stderr] = await Promise.all([
    collect(process.stdout),
    collect(process.stderr),
  ]);
  return { ...await process.status, stdout, stderr };
}

/**
 * Makes a guest that was restored from a snapshot differ from its siblings: its
 * kernel's random numbers, and its machine id if that is wanted.
 *
 * @param target Where the agent is.
 * @param options The options.
 * @throws {AgentError} If a step fails in the guest; the message names each.
 * @throws As {@linkcode spawn} does otherwise.
 */
export async function reseed(
  target: Target,
  options: ReseedOptions,
): Promise<void> {
  const { entropy: data, regenMachineId = false } = options;
  using session = await openSession(
    target,
    [{ type: "reseed", data, regenMachineId }],
    options,
  );
  if (session.answer.type !== "exit") throw unexpected(session, "exit");
}

/**
 * Asks an agent who it is.
 *
 * @param target Where the agent is.
 * @param options The options.
 * @returns What it says, or `undefined` if it is an agent that only knows the
 * core of the protocol.
 * @throws As {@linkcode spawn} does.
 */
export async function info(
  target: Target,
  options: CallOptions = {},
): Promise<AgentInfo | undefined> {
  try {
    using session = await openSession(target, [{ type: "info" }], options);
    const { answer } = session;
    if (answer.type === "info" && answer.info) {
      await session.finish();
      return answer.info;
    }
    throw unexpected(session, "info");
  } catch (error) {
    if (error instanceof AgentError && error.code === undefined) {
      return undefined;
    }
    throw error;
  }
}

function unexpected(session: Session, expected: string): ProtocolError {
  session.close();
  return new ProtocolError(
    `The agent answered "${session.answer.type}" instead of "${expected}"`,
  );
}
