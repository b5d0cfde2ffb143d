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
  const type = TYPES.find((type) => isAt(line, 0, PREFIXES[type]));
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

function isAt(line: Uint8Array, offset: number, bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    if (line[offset + i] !== bytes[i]) return false;
  }
  return true;
}
