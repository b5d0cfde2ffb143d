/**
 * File descriptors as web streams.
 *
 * @module
 */

import { PIPE_MAX_SIZE } from "./abi.ts";
import type { AsyncFd } from "./async_fd.ts";
import { Errno, OsError } from "./errno.ts";
import { readinessLoop } from "./readiness_loop.ts";

/** Options for both directions. */
export interface FdStreamOptions {
  /**
   * Leave the descriptor open when the stream ends, because two streams share
   * it and somebody else owns it.
   *
   * @default {false}
   */
  preventClose?: boolean;
}

/** Options for {@linkcode writableFromFd}. */
export interface FdWritableOptions extends FdStreamOptions {
  /** Called when the stream is closed, after the last chunk was written. */
  onClose?: () => void;
}

/** Options for {@linkcode readableFromFd}. */
export interface FdReadableOptions extends FdStreamOptions {
  /**
   * Once aborted, the stream ends with what the descriptor holds at that moment
   * (at most 1 MiB, a pipe's worth), whoever still keeps the other end open. The
   * descriptor is left open then, unless that was the end of the file.
   */
  drain?: AbortSignal;
  /**
   * Take a reset for the end, and for no error. An error would take what is still
   * in the queues behind the stream with it: a peer's last words before it closed
   * with something unread.
   *
   * @default {false}
   */
  resetIsEnd?: boolean;
}

/** How many bytes one read asks for. */
const READ_SIZE = 256 * 1024;

/**
 * Reads are synchronous, so one buffer serves all streams: an idle stream holds
 * no memory, and a chunk is as long as what was read.
 */
const scratch = new Uint8Array(READ_SIZE);

/**
 * Returns a byte stream of what a descriptor yields, from now to the end of the
 * file. Nothing is read before somebody asks, and a BYOB reader's buffer is
 * filled without a copy.
 *
 * @param fd The descriptor, closed at the end, on an error, and on cancel. If
 * its owner closes it, that is the end of the stream.
 * @param options The options.
 * @returns The stream; a failed read errors it with an `OsError`.
 */
export function readableFromFd(
  fd: AsyncFd,
  options: FdReadableOptions = {},
): ReadableStream<Uint8Array> {
  const { preventClose = false, drain, resetIsEnd = false } = options;
  let ended = false;
  let drainable = PIPE_MAX_SIZE;

  const wake = () => fd.wake();
  drain?.addEventListener("abort", wake, { once: true });

  function end(leaveOpen = false) {
    ended = true;
    drain?.removeEventListener("abort", wake);
    if (preventClose || leaveOpen) fd.wake();
    else fd.close();
  }

  function tryRead(into: Uint8Array): number | null {
    try {
      return fd.tryRead(into);
    } catch (error) {
      if (resetIsEnd && isReset(error)) return 0;
      throw error;
    }
  }

  async function pull(controller: ReadableByteStreamController) {
    const request = controller.byobRequest;
    const view = request?.view;
    const into = view
      ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
      : scratch;
    for (let turn; (turn = readinessLoop.countOperation());) await turn;
    while (!ended) {
      const count = fd.closed ? 0 : drainable <= 0 ? null : tryRead(into);
      const drained = count === null && drain?.aborted === true;
      if (drain?.aborted) drainable -= count ?? 0;
      if (count === null && !drained) {
        await fd.readable();
      } else if (!count) {
        end(drained);
        controller.close();
        request?.respond(0);
      } else if (request) {
        return request.respond(count);
      } else {
        return controller.enqueue(scratch.slice(0, count));
      }
    }
  }

  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      try {
        await pull(controller);
      } catch (error) {
        if (ended) return;
        end();
        throw error;
      }
    },
    cancel: () => end(),
  }, { highWaterMark: 0 });
}

function isReset(error: unknown): boolean {
  return error instanceof OsError && error.errno === Errno.ECONNRESET;
}

/**
 * Returns a stream that writes its chunks to a descriptor, with backpressure: a
 * write is done when the kernel has taken all of it.
 *
 * @param fd The descriptor, closed when the stream is closed or aborted, and on
 * an error.
 * @param options The options.
 * @returns The stream; a failed write errors it with an `OsError`.
 */
export function writableFromFd(
  fd: AsyncFd,
  options: FdWritableOptions = {},
): WritableStream<Uint8Array> {
  const { preventClose = false, onClose } = options;
  let aborted: AbortSignal;

  function end() {
    if (preventClose) fd.wake();
    else fd.close();
  }

  async function write(bytes: Uint8Array) {
    try {
      let rest = bytes;
      while (rest.byteLength > 0) {
        for (let turn; (turn = readinessLoop.countOperation());) await turn;
        aborted.throwIfAborted();
        const count = fd.tryWrite(rest);
        if (count === null) await fd.writable();
        else rest = rest.subarray(count);
      }
    } catch (error) {
      end();
      throw error;
    }
  }

  return new WritableStream({
    start({ signal }) {
      // A write that waits for room must not hold the abort up.
      signal.addEventListener("abort", end, { once: true });
      aborted = signal;
    },
    write,
    close() {
      onClose?.();
      end();
    },
  });
}
