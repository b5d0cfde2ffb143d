/**
 * Output that nobody wants any more, of programs that must not notice.
 *
 * @module
 */

import { PIPE_MAX_SIZE } from "./abi.ts";
import type { AsyncFd } from "./async_fd.ts";

/** How many pipes are emptied at once. */
const MAX_PIPES = 256;
/** How long a program waits that has filled its pipe since the last time, in milliseconds. */
const PAUSE = 1000;
/** How many bytes one read asks for. */
const READ_SIZE = 64 * 1024;

/** The pipes, in the order in which they came. */
const pipes = new Set<AsyncFd>();
const scratch = new Uint8Array(READ_SIZE);

/**
 * Throws away what comes through a pipe, until everybody has closed the other end:
 * a program that writes to a pipe without a reader is killed by SIGPIPE. A program
 * that writes without end is held up, so that it costs next to nothing: 1 MiB a
 * second passes. Beyond 256 pipes the oldest is closed.
 *
 * @param pipe The end to read from, which is closed at the end.
 */
export function discardOutput(pipe: AsyncFd): void {
  if (pipes.size >= MAX_PIPES) {
    const [oldest] = pipes;
    oldest!.close();
    pipes.delete(oldest!);
  }
  pipes.add(pipe);
  empty(pipe).catch(() => {
    // The pipe cannot be read or watched any more: closing it is all that is left.
  }).finally(() => {
    pipes.delete(pipe);
    pipe.close();
  });
}

async function empty(pipe: AsyncFd): Promise<void> {
  while (!pipe.closed) {
    const more = readAll(pipe);
    if (more === undefined) return;
    if (more) await pause();
    else await pipe.readable();
  }
}

/**
 * Reads what is there, a pipe's worth at most, and returns whether there was
 * anything; nothing if that was the end.
 */
function readAll(pipe: AsyncFd): boolean | undefined {
  let total = 0;
  while (total < PIPE_MAX_SIZE) {
    const count = pipe.tryRead(scratch);
    if (count === 0) return undefined;
    if (count === null) break;
    total += count;
  }
  return total > 0;
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, PAUSE));
}
