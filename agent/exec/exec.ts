/**
 * Running one command for a client.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { delay } from "@std/async/delay";
import type { Child } from "../../ffi/child.ts";
import type { Peer } from "../../ffi/connection.ts";
import { forEachChunk } from "../../ffi/for_each_chunk.ts";
import { spawn, spawnElsewhere, type SpawnOptions } from "../../ffi/process.ts";
import type { ChildStatus } from "../../ffi/wait.ts";
import {
  type ExecFrame,
  type ExitFrame,
  type Frame,
  type KnownFrame,
  requestedFeatures,
  type ResourceUsage,
  type StartedFrame,
} from "../../protocol/mod.ts";
import { limitsFor } from "../containment/resource_limits.ts";
import type { SessionCgroup } from "../containment/session_cgroup.ts";
import { stdinWindow } from "../limits.ts";
import type { CommandRecord } from "../logging/audit.ts";
import type { SessionContext } from "../session_context.ts";
import { spawnError } from "../session_error.ts";
import type { SessionPace } from "../session_pace.ts";
import { pumpInput } from "./input.ts";
import { placeCommand, type PlacedCommand } from "./placement.ts";
import { startError } from "./start_error.ts";
import { TimeLimit } from "./time_limit.ts";

/** How long a grandchild may hold the pipes once the child is gone, in milliseconds. */
const PIPE_GRACE = 2000;
/** How long a command on a terminal has after its hang-up, in milliseconds. */
const HANGUP_GRACE = 2000;
/** How often it is looked at meanwhile, in milliseconds. */
const HANGUP_INTERVAL = 50;

/** A session's two directions. */
export interface Channel {
  /** The frames that follow the first one. */
  readonly frames: ReadableStreamDefaultReader<Frame>;
  /** Where frames for the client go. */
  readonly client: WritableStreamDefaultWriter<KnownFrame>;
  /** Aborted when the client is gone. */
  readonly lost: AbortSignal;
  /** Leaves the other sessions their turn. */
  readonly pace: SessionPace;
  /** Lets data go without base64 from here on, both ways. */
  readonly useRaw: () => void;
}

/** What a session has at hand to run a command. */
export interface ExecContext extends SessionContext, Channel {
  /** Who asks. */
  readonly peer: Peer;
  /** What is counted for the audit record. */
  readonly record: CommandRecord;
  /** Leaves a record that the command runs, which lasts when that resolves. */
  readonly recordStart: () => Promise<void>;
}

/**
 * Runs the command of an `exec` frame with its streams bridged to the client,
 * up to and without the terminal frame.
 *
 * Whatever way it ends, the child is gone by then, or was killed with its
 * control group, or where it has none with its process group; only what a child
 * left behind on purpose when it exited by itself goes on. A command on a terminal is hung up when its client is lost, and
 * killed if that doesn't end it within two seconds.
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
): Promise<ExitFrame> {
  const { client, lost, pace, stopping, killing, record } = context;
  for (let turn; (turn = pace.step());) await turn;
  // Nothing has begun that a client or an agent that goes would have to wait for.
  const gone = AbortSignal.any([lost, stopping]);
  const command = await abortable(placeCommand(request, context), gone);
  if (command.rule !== undefined) record.rule = command.rule;
  using cgroup = await contain(request, context);
  const features = requestedFeatures(request)
    .filter((feature) => feature !== "usage" || cgroup);
  for (let turn; (turn = pace.step());) await turn;
  // Its client may be gone by now.
  lost.throwIfAborted();
  using child = await start(command, cgroup, context);
  record.pid = child.pid;
  const recorded = context.recordStart();
  if (features.includes("raw")) context.useRaw();

  const onTerminal = request.tty !== undefined;
  const window = features.includes("flow")
    ? stdinWindow(context.limits.sessionMemory)
    : undefined;
  const broken = new AbortController();
  const failed = AbortSignal.any([lost, broken.signal]);
  const over = new AbortController();
  onAbort(stopping, over.signal, () => {
    // A shell that talks to people ignores the other one.
    child.killGroup(onTerminal ? "SIGHUP" : "SIGTERM");
  });
  const kill = () => {
    cgroup?.kill();
    // Also those who have left the other.
    child.killGroup("SIGKILL");
  };
  onAbort(killing, over.signal, kill);
  const abandon = () => {
    // A client that breaks the protocol gets no more patience for it.
    if (onTerminal && !broken.signal.aborted) child.hangUp();
    else kill();
  };
  onAbort(failed, over.signal, abandon);
  using limit = new TimeLimit(child, command.timeoutMs, kill);

  try {
    const started: StartedFrame = {
      type: "started",
      pid: child.pid,
      ...(features.length > 0 && { features }),
      ...(window !== undefined && { window }),
    };
    await abortable(recorded, failed);
    await abortable(client.write(started), failed);
    pumpInput(child, { ...context, window })
      .catch((error) => broken.abort(error));
    const status = await abortable(pumpOutput(child, context), failed);
    record.usage = cgroup?.usage();
    return exitFrame(
      status,
      limit.reached,
      features.includes("usage") ? record.usage : undefined,
    );
  } catch (error) {
    // Also where no signal was aborted, as when the client cannot be written to.
    abandon();
    if (onTerminal) await awaitEnd(child, killing);
    kill();
    throw error;
  } finally {
    over.abort();
    if (stopping.aborted || limit.reached) kill();
    record.usage ??= cgroup?.usage();
  }
}

/** Makes a control group for the command, where the agent can. */
async function contain(
  request: ExecFrame,
  { containment, resourceLimits }: ExecContext,
): Promise<SessionCgroup | undefined> {
  try {
    return await containment.prepare(limitsFor(request, resourceLimits));
  } catch (error) {
    throw spawnError(request.argv[0]!, error);
  }
}

async function start(
  command: PlacedCommand,
  cgroup: SessionCgroup | undefined,
  { confinement, lost }: ExecContext,
): Promise<Child> {
  const run = (options: SpawnOptions) =>
    command.mayWait ? spawnElsewhere(options, lost) : spawn(options);
  try {
    return await (cgroup ? cgroup.start(run, command) : run(command));
  } catch (error) {
    throw await startError(error, command, confinement);
  }
}

function exitFrame(
  { code, signal }: ChildStatus,
  timedOut: boolean,
  usage: ResourceUsage | undefined,
): ExitFrame {
  return {
    type: "exit",
    exitCode: code,
    ...(signal !== undefined && { signal }),
    ...(timedOut && { timedOut }),
    ...(usage && { usage }),
  };
}

/** Waits until a command has ended that was hung up or killed, but not for long. */
async function awaitEnd(child: Child, killing: AbortSignal): Promise<void> {
  const patience = AbortSignal.any([
    killing,
    AbortSignal.timeout(HANGUP_GRACE),
  ]);
  // No event tells of the end of those in the foreground, who aren't children.
  while (child.running && !patience.aborted) {
    await delay(HANGUP_INTERVAL, { signal: patience }).catch(ignore);
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
  { client, record }: ExecContext,
): Promise<void> {
  await forEachChunk(child[name], async (data) => {
    await client.write({ type: name, data });
    record[`${name}Bytes`] += data.byteLength;
  });
}

/** Calls back when a signal is aborted, or was already, until another is. */
function onAbort(
  signal: AbortSignal,
  until: AbortSignal,
  callback: () => void,
): void {
  if (signal.aborted) return callback();
  signal.addEventListener("abort", callback, { once: true, signal: until });
}

function ignore(): void {}
