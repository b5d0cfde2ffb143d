/**
 * Thrown when the peer breaks the protocol: a line that is too long, is not a
 * JSON object, or has a field of the wrong shape.
 *
 * @example Telling a peer's fault from one's own
 * ```ts
 * import { parseFrame, ProtocolError } from "@cocoonstack/agent/protocol";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => parseFrame(new TextEncoder().encode("[]")), ProtocolError);
 * ```
 */
export class ProtocolError extends Error {
  /** The error's name: `"ProtocolError"`. */
  override readonly name: string = "ProtocolError";
}

/** Thrown when a frame is longer than allowed. */
export class FrameLengthError extends ProtocolError {
  /** The error's name: `"FrameLengthError"`. */
  override readonly name: string = "FrameLengthError";
}
