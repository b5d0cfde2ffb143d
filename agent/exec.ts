/**
 * Running one command for a client.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { type Child, type ChildStatus, spawn } from "../ffi/process.ts";
import { readinessLoop } from "../ffi/readiness_loop.ts";
import { findProgram } from "../ffi/program.ts";
import type { ExecFrame, Frame, KnownFrame } from "../protocol/mod.ts";
import { findInvalidVariable } from "./environment.ts";
import type { Grants } from "./grants.ts";
import { SessionError, spawnError } from "./session_error.ts";

/** How long a grandchild may hold the pipes once the child is gone, in milliseconds. */
const PIPE_GRACE = 2000;

/** What a session has at hand to run a command. */
export interface ExecContext {
  /** What may be run. */
  readonly grants: Grants;
  /** The environment that the caller's variables are laid over. */
  readonly environment: Readonly<Record<string, string>>;
  /** The frames that follow the first one. */
  readonly frames: ReadableStreamDefaultReader<Frame>;
  /** Where frames for the client go. */
  readonly client: WritableStreamDefaultWriter<KnownFrame>;
  /** Aborted when the client is gone. */
  readonly lost: AbortSignal;
  /** Aborted when the agent stops: children are asked to end. */
  readonly stopping: AbortSignal;
  /** Aborted when a stop has taken long enough: children are killed. */
  readonly killing: AbortSignal;
  /** What is counted for the audit record. */
  readonly usage: ExecUsage;
}

/** What a command did, counted while it runs. */
export interface ExecUsage {
  /** The child's process id, once there is one. */
  pid?: number;
  /** Bytes that went to the child's stdin. */
  stdinBytes: number;
  /** Bytes of the child's stdout that went to the client. */
  stdoutBytes: number;
  /** Bytes of the child's stderr that went to the client. */
  stderrBytes: number;
}

/**
 * Runs the command of an `exec` frame with its streams bridged to the client,
 * up to and without the terminal frame.
 *
 * Whatever way it ends, the child is gone by then, or was killed with its
 * process group; only what a child left behind on purpose when it exited by
 * itself goes on.
 *
 * @param request The frame.
 * @param context What the session has at hand.
 * @returns How the child ended, after the last of its output was sent.
 * @throws {SessionError} If the command cannot be started.
 * @throws {ProtocolError} If the client breaks the protocol.
 * @throws If the client goes away, the reason of `context.lost`, or why it
 * could not be written to.
 */
export async function exec(
  request: ExecFrame,
  context: ExecContext,
): Promise<ChildStatus> {
  const { client, lost, stopping, killing, usage } = context;
  using child = start(request, context);
  usage.pid = child.pid;

  const broken = new AbortController();
  const failed = AbortSignal.any([lost, broken.signal]);
  const over = new AbortController();
  onAbort(stopping, over.signal, () => child.killGroup("SIGTERM"));
  onAbort(killing, over.signal, () => child.killGroup("SIGKILL"));
  onAbort(failed, over.signal, () => child.killGroup("SIGKILL"));

  try {
    const started = { type: "started", pid: child.pid } as const;
    await abortable(client.write(started), failed);
    pumpInput(child, context).catch((error) => broken.abort(error));
    return await abortable(pumpOutput(child, context), failed);
  } catch (error) {
    // Also where no signal was aborted, as when the client cannot be written to.
    child.killGroup("SIGKILL");
    throw error;
  } finally {
    over.abort();
    if (stopping.aborted) child.killGroup("SIGKILL");
  }
}

function start(request: ExecFrame, context: ExecContext): Child {
  const { argv, env: variables } = request;
  const [name] = argv;
  if (name === undefined) {
    throw new SessionError("protocol", `Cannot run a command: "argv" is empty`);
  }
  const fault = findInvalidVariable(variables) ??
    (argv.some((argument) => argument.includes("\0"))
      ? "an argument holds a NUL"
      : undefined);
  if (fault !== undefined) {
    throw new SessionError(
      "protocol",
      `Cannot run ${JSON.stringify(name)}: ${fault}`,
    );
  }
  const env = { ...context.environment, ...variables };
  try {
    const program = findProgram(name, env["PATH"]);
    context.grants.check(program, Object.keys(variables));
    return spawn({ program, argv, env });
  } catch (error) {
    throw spawnError(name, error);
  }
}

/** Feeds the child until its stdin ends; then only watches for broken frames. */
async function pumpInput(child: Child, context: ExecContext): Promise<void> {
  const stdin = child.stdin.getWriter();
  let open = true;
  for (;;) {
    // A flood of tiny frames comes with few reads, and must not hold the others
    // up.
    const turn = readinessLoop.countOperation();
    if (turn) await turn;
    const { done, value: frame } = await context.frames.read();
    if (done || frame.type === "stdin_close") {
      if (open) await stdin.close().catch(ignore);
      open = false;
      if (done) return;
    } else if (frame.type === "stdin" && open) {
      try {
        await stdin.write(frame.data);
        context.usage.stdinBytes += frame.data.byteLength;
      } catch {
        // A child that has closed its stdin, or exited, is no error.
        open = false;
      }
    }
  }
}

async function pumpOutput(
  child: Child,
  context: ExecContext,
): Promise<ChildStatus> {
  const pumps = Promise.all([
    pumpStream(child, "stdout", context),
    pumpStream(child, "stderr", context),
  ]);
  pumps.catch(ignore);
  const status = await child.status;
  const timer = setTimeout(() => child.drain(), PIPE_GRACE);
  try {
    await pumps;
  } finally {
    clearTimeout(timer);
  }
  return status;
}

async function pumpStream(
  child: Child,
  name: "stdout" | "stderr",
  { client, usage }: ExecContext,
): Promise<void> {
  for await (const data of child[name]) {
    await client.write({ type: name, data });
    usage[`${name}Bytes`] += data.byteLength;
  }
}

/** Calls back when a signal is aborted, or was already, until another is. */
function onAbort(
  signal: AbortSignal,
  until: AbortSignal,
  callback: () => void,
): void {
  if (signal.aborted) callback();
  else {signal.addEventListener("abort", callback, {
      once: true,
      signal: until,
    });}
}

function ignore(): void {}
