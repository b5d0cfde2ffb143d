/**
 * What an agent may say, by other means than the project's own codecs.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { ERROR_CODES } from "../protocol/mod.ts";

/** What an agent sends, and what ends a session. */
const TYPES: readonly string[] = [
  ...["started", "stdout", "stderr", "window", "info", "exit", "error"],
];
const LF = 10;
const MAX_FRAME = 8 * 1024 * 1024;

/** What is known of the session that an answer is to. */
export interface AnswerOptions {
  /** Whether the agent has closed the connection, rather than the client. */
  readonly ended: boolean;
  /** Whether the client has said anything. */
  readonly asked: boolean;
}

/** A session's frames, as its answer says. */
export interface Answer {
  /** The types of the frames, in order. */
  readonly types: readonly string[];
  /** The frame that ended it, if one has come. */
  readonly end: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Checks that an answer is well-formed: frames of the types that an agent sends,
 * `started` before what follows from it, one terminal frame at most, which is the
 * last, and where the agent has closed the connection, one at least.
 *
 * @param bytes All that the agent has sent.
 * @param options What is known of the session.
 * @returns What it says.
 * @throws {Error} If it isn't.
 */
export function checkAnswer(
  bytes: Buffer,
  { ended, asked }: AnswerOptions,
): Answer {
  const types: string[] = [];
  let end: Answer["end"];
  let raw = false;
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(LF, at);
    const size = newline === -1 ? Infinity : frameSize(bytes, at, newline, raw);
    if (at + size > bytes.length) {
      if (ended) throw new Error("The agent ended within a frame");
      break;
    }
    if (size > MAX_FRAME) throw new Error(`A frame has ${size} bytes`);
    const frame = parseLine(bytes.subarray(at, newline));
    if (end) {
      throw new Error(`"${frame["type"]}" comes behind "${end["type"]}"`);
    }
    const type = checkFrame(frame, types);
    types.push(type);
    if (type === "started") {
      raw = (frame["features"] as string[] | undefined)?.includes("raw") ??
        false;
    }
    if (type === "exit" || type === "error") end = frame;
    at += size;
  }
  if (ended && asked && !end) {
    throw new Error("The agent closed the connection without a last word");
  }
  return { types, end };
}

function frameSize(
  bytes: Buffer,
  at: number,
  newline: number,
  raw: boolean,
): number {
  const line = newline + 1 - at;
  if (!raw) return line;
  const { size = 0 } = parseLine(bytes.subarray(at, newline));
  return line + (size as number);
}

function parseLine(line: Buffer): Record<string, unknown> {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(line);
  return JSON.parse(text);
}

function checkFrame(
  frame: Record<string, unknown>,
  before: readonly string[],
): string {
  const type = String(frame["type"]);
  if (!TYPES.includes(type)) throw new Error(`An agent doesn't send "${type}"`);
  const first = before.length === 0;
  if ((type === "started" || type === "info") && !first) {
    throw new Error(`"${type}" comes behind "${before.at(-1)}"`);
  }
  if (type !== "started" && type !== "info" && type !== "error" && first) {
    throw new Error(`"${type}" comes first`);
  }
  if (type === "error") checkError(frame);
  return type;
}

/** `internal` would be a slip of the agent's. */
function checkError({ code, message }: Record<string, unknown>): void {
  const known = ERROR_CODES.some((known) => known === code);
  if (!known || code === "internal" || !message) {
    throw new Error(`The agent failed by itself: ${code}: ${message}`);
  }
}
