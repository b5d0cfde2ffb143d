/**
 * Waiting for a guest to come up.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { Errno, OsError } from "../ffi/errno.ts";
import { dial } from "./dial.ts";
import { AgentError, ConnectionError, UnreachableError } from "./errors.ts";
import {
  type CallOptions,
  DEFAULT_CONNECT_TIMEOUT,
  requestOn,
} from "./session.ts";
import { formatTarget, type Target } from "./target.ts";

/** How long to wait between two attempts, in milliseconds. */
const INTERVAL = 50;
/** The same while an agent says that it is busy, which more attempts add to. */
const BUSY_INTERVAL = 1000;

/**
 * Waits until an agent answers, asking it for nothing but who it is. A guest
 * may still have to boot, or even to be started.
 *
 * An agent whose sessions are all taken answers that, too, and what it is asked for
 * next with an `AgentError` of the code `busy`.
 *
 * Attempts follow each other quickly, and none that is under way is given up
 * before the time is over: some hypervisors don't survive an aborted `CONNECT`.
 *
 * @param target Where the agent will be.
 * @param timeout How long to wait, in milliseconds.
 * @param options The options; `connectTimeout` bounds how long one that has
 * accepted may take to answer.
 * @throws {ConnectionError} If no agent answers in time, or may not be reached
 * by this user.
 * @throws If the signal is aborted, its reason.
 */
export async function waitForAgent(
  target: Target,
  timeout: number,
  options: CallOptions = {},
): Promise<void> {
  const { connectTimeout = DEFAULT_CONNECT_TIMEOUT, signal } = options;
  const deadline = AbortSignal.timeout(timeout);
  const limit = signal ? AbortSignal.any([signal, deadline]) : deadline;
  let last: unknown;
  for (;;) {
    let interval = INTERVAL;
    try {
      await probe(target, connectTimeout, limit);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!deadline.aborted) last = error;
      if (deadline.aborted || isFinal(error)) {
        throw failure(target, timeout, last);
      }
      if (error instanceof AgentError) interval = BUSY_INTERVAL;
    }
    await delay(interval, { signal: limit }).catch(() => {});
  }
}

/**
 * Makes a call again for as long as the agent answers that it is busy, which means
 * that nothing was run.
 *
 * @param call Makes the call.
 * @param deadline When to make no more calls, as `performance.now()` has it.
 * @param signal Ends the waiting when it is aborted.
 * @returns What the call returns.
 * @throws As the call does, or the signal's reason.
 */
export async function retryWhileBusy<T>(
  call: () => Promise<T>,
  deadline: number,
  signal?: AbortSignal,
): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const left = deadline - performance.now();
      if (!isBusy(error) || left <= 0) throw error;
      const interval = Math.min(BUSY_INTERVAL, left);
      await delay(interval, signal && { signal });
    }
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof AgentError && error.code === "busy";
}

async function probe(
  target: Target,
  answerTimeout: number,
  limit: AbortSignal,
): Promise<void> {
  const connection = await dial(target, limit);
  const patience = AbortSignal.any([
    limit,
    AbortSignal.timeout(answerTimeout),
  ]);
  try {
    using session = await requestOn(
      connection,
      target,
      [{ type: "info", probe: true }],
      patience,
    );
    await session.finish();
  } catch (error) {
    // An agent that doesn't know the question is an agent all the same.
    if (!(error instanceof AgentError) || isBusy(error)) throw error;
  }
}

/** Whether waiting won't mend it. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof ConnectionError)) {
    return !(error instanceof AgentError || error instanceof DOMException);
  }
  const { cause } = error;
  return cause instanceof OsError &&
    (cause.errno === Errno.EACCES || cause.errno === Errno.EPERM);
}

function failure(target: Target, timeout: number, last: unknown): unknown {
  if (last !== undefined && isFinal(last)) return last;
  const reason = last instanceof UnreachableError
    ? last.reason
    : last instanceof Error
    ? last.message
    : "it never answered";
  return new ConnectionError(
    `No agent at ${formatTarget(target)} within ${timeout / 1000} s: ${reason}`,
    { cause: last },
  );
}
