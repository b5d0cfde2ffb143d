import { decodeBase64, encodeBase64 } from "./base64.ts";
import type { DataFrame } from "./frame.ts";

const ENCODER = new TextEncoder();
// Not fatal, which is the fast one: base64 has no place for U+FFFD either.
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

const TYPES: readonly DataFrame["type"][] = ["stdin", "stdout", "stderr"];
const PREFIXES = {
  stdin: ENCODER.encode('{"type":"stdin","data":"'),
  stdout: ENCODER.encode('{"type":"stdout","data":"'),
  stderr: ENCODER.encode('{"type":"stderr","data":"'),
};
const SUFFIX = ENCODER.encode('"}');
const NEWLINE = 10;

/**
 * Parses a data frame in the form that all peers write it, which spares the
 * strict UTF-8 decoder and the JSON parser. Whatever deviates from that form is
 * left to them, be it right or wrong.
 *
 * @param line The line, without its newline.
 * @returns The frame, or `undefined` if the line has any other form.
 */
export function parseDataLine(line: Uint8Array): DataFrame | undefined {
  const type = typeOf(line);
  if (type === undefined) return undefined;
  const start = PREFIXES[type].length;
  const end = line.length - SUFFIX.length;
  if (end < start || !isAt(line, end, SUFFIX)) return undefined;
  try {
    const data = decodeBase64(DECODER.decode(line.subarray(start, end)));
    return { type, data };
  } catch {
    return undefined;
  }
}

/**
 * Tells whether a line begins as data lines do.
 *
 * @param line The line, or its beginning.
 */
export function isDataLine(line: Uint8Array): boolean {
  return typeOf(line) !== undefined;
}

/** A long data line in two: what is there of its data, and the line with the rest. */
export interface SplitDataLine {
  /** The beginning of the data. */
  readonly frame: DataFrame;
  /** What the line would be without it, as far as it is there. */
  readonly rest: Uint8Array;
}

/**
 * Splits the beginning of a data line in two that mean the same: base64 may be cut
 * after any four characters.
 *
 * @param line The line as far as it is there, without its newline.
 * @returns The two, or `undefined` if the line has another form than that in which
 * all peers write it.
 */
export function splitDataLine(line: Uint8Array): SplitDataLine | undefined {
  const type = typeOf(line);
  if (type === undefined) return undefined;
  const prefix = PREFIXES[type];
  const end = line.length - (line.length - prefix.length) % 4;
  try {
    const text = DECODER.decode(line.subarray(prefix.length, end));
    // The end is another's: behind padding nothing may follow.
    if (text.endsWith("=")) return undefined;
    const rest = new Uint8Array(prefix.length + line.length - end);
    rest.set(prefix);
    rest.set(line.subarray(end), prefix.length);
    return { frame: { type, data: decodeBase64(text) }, rest };
  } catch {
    return undefined;
  }
}

/**
 * Counts the bytes that {@linkcode encodeDataLine} returns.
 *
 * @param frame The frame to measure.
 * @returns The length of its line, newline included.
 */
export function dataLineLength(frame: DataFrame): number {
  return PREFIXES[frame.type].length + Math.ceil(frame.data.length / 3) * 4 +
    SUFFIX.length + 1;
}

/**
 * Encodes a data frame as one line.
 *
 * @param frame The frame to encode.
 * @returns The line, newline included.
 */
export function encodeDataLine(frame: DataFrame): Uint8Array {
  const prefix = PREFIXES[frame.type];
  const line = new Uint8Array(dataLineLength(frame));
  line.set(prefix);
  ENCODER.encodeInto(encodeBase64(frame.data), line.subarray(prefix.length));
  line.set(SUFFIX, line.length - SUFFIX.length - 1);
  line[line.length - 1] = NEWLINE;
  return line;
}

/** Returns the type of a data line by how it begins. */
function typeOf(line: Uint8Array): DataFrame["type"] | undefined {
  return TYPES.find((type) => isAt(line, 0, PREFIXES[type]));
}

function isAt(line: Uint8Array, offset: number, bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    if (line[offset + i] !== bytes[i]) return false;
  }
  return true;
}
