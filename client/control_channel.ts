/**
 * What a program that runs the client tells it meanwhile.
 *
 * @module
 */

import { readableFromFd } from "../ffi/fd_streams.ts";
import type { InheritedFd } from "../ffi/inherited_fd.ts";
import { isSignalName } from "../ffi/signals.ts";
import {
  isTerminalSize,
  LineDecoderStream,
  type TerminalSize,
} from "../protocol/mod.ts";
import { InputError } from "./failure.ts";

/** The longest line, in bytes; what is allowed is far shorter. */
const MAX_LINE_BYTES = 4096;
const MAX_QUOTED = 100;

/** What is to be done with the command. */
export type ControlMessage =
  | { readonly type: "resize"; readonly size: TerminalSize }
  | { readonly type: "signal"; readonly signal: Deno.Signal }
  | { readonly type: "stdin_close" };

/**
 * Reads what is to be done, a line of JSON each.
 *
 * @param fd Where from.
 * @returns The messages; a line that is none errors the stream with a
 * `InputError`, and one that is too long with a `ProtocolError`.
 */
export function controlMessages(
  fd: InheritedFd,
): ReadableStream<ControlMessage> {
  return readableFromFd(fd)
    .pipeThrough(new LineDecoderStream({ maxLineBytes: MAX_LINE_BYTES }))
    .pipeThrough(
      new TransformStream({
        transform(line, controller) {
          controller.enqueue(
            parseControlLine(new TextDecoder().decode(line)),
          );
        },
      }),
    );
}

/**
 * Parses a line of the control channel.
 *
 * @param line The line, without its newline.
 * @returns What is to be done.
 * @throws {InputError} If it is none of the known lines.
 */
export function parseControlLine(line: string): ControlMessage {
  const message = parseMessage(line);
  if (message === undefined) {
    throw new InputError(
      `Cannot follow the control line ${
        JSON.stringify(line.slice(0, MAX_QUOTED))
      }: it must be {"resize":{"rows":R,"cols":C}}, {"signal":"SIGNAME"} or {"stdin_close":true}`,
    );
  }
  return message;
}

function parseMessage(line: string): ControlMessage | undefined {
  const [name, argument] = onlyMember(line) ?? [];
  switch (name) {
    case "resize":
      // Nothing else in it, either.
      return isTerminalSize(argument) && Object.keys(argument).length === 2
        ? { type: name, size: argument }
        : undefined;
    case "signal":
      return typeof argument === "string" && isSignalName(argument)
        ? { type: name, signal: argument }
        : undefined;
    case "stdin_close":
      return argument === true ? { type: name } : undefined;
    default:
      return undefined;
  }
}

function onlyMember(line: string): [name: string, value: unknown] | undefined {
  try {
    const members = Object.entries(JSON.parse(line));
    return members.length === 1 ? members[0] : undefined;
  } catch {
    return undefined;
  }
}
