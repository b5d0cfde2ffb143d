import { checkFrameLength } from "./_frame_length.ts";
import { type DataFrame, MAX_FRAME_BYTES } from "./frame.ts";
import { ProtocolError } from "./protocol_error.ts";

/** What announces bytes: the extension `raw`. */
export interface RawHeader {
  /** The stream that the bytes are of. */
  readonly type: DataFrame["type"];
  /** How many follow the line. */
  readonly size: number;
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** The longest line that may announce bytes, without its newline. */
const MAX_HEADER_BYTES = 128;

/** Up to this many bytes go behind their header in one piece, to save a write. */
const JOINED_BYTES = 16 * 1024;

/**
 * Parses a line that announces bytes.
 *
 * @param line The line, without its newline.
 * @returns What it announces, or `undefined` if it is another frame, or none.
 * @throws {ProtocolError} If the size is none, or exceeds a frame's limit.
 */
export function parseRawHeader(line: Uint8Array): RawHeader | undefined {
  if (line.length > MAX_HEADER_BYTES) return undefined;
  const text = DECODER.decode(line);
  if (!text.includes('"size"')) return undefined;
  const { type, size } = parseObject(text);
  if (type !== "stdin" && type !== "stdout" && type !== "stderr") {
    return undefined;
  }
  if (size === undefined || size === null) return undefined;
  if (!Number.isInteger(size) || size as number < 0) {
    throw new ProtocolError(
      `Cannot parse frame "${type}": "size" must be a non-negative integer`,
    );
  }
  const frameSize = line.length + "\n".length + (size as number);
  if (frameSize > MAX_FRAME_BYTES) {
    throw new ProtocolError(
      `Cannot parse frame "${type}": ${frameSize} bytes exceed the limit of ${MAX_FRAME_BYTES}`,
    );
  }
  return { type, size: size as number };
}

/**
 * Encodes a data frame as the line that announces its bytes, and these.
 *
 * @param frame The frame to encode.
 * @returns One chunk or two, the latter being the frame's own bytes.
 * @throws {RangeError} If that would exceed {@linkcode MAX_FRAME_BYTES}.
 */
export function encodeRawFrame({ type, data }: DataFrame): Uint8Array[] {
  const header = `{"type":"${type}","size":${data.length}}\n`;
  checkFrameLength(type, header.length + data.length);
  if (data.length > JOINED_BYTES) return [ENCODER.encode(header), data];
  // The header is all ASCII.
  const chunk = new Uint8Array(header.length + data.length);
  ENCODER.encodeInto(header, chunk);
  chunk.set(data, header.length);
  return [chunk];
}

/** Returns an object's fields; none if it isn't one, which others report. */
function parseObject(text: string): { type?: unknown; size?: unknown } {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
