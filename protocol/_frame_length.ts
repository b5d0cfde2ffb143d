import { MAX_FRAME_BYTES } from "./frame.ts";

/**
 * Checks that a frame isn't too long to be sent.
 *
 * @param type The frame's type.
 * @param length How many bytes it has.
 * @throws {RangeError} If that exceeds {@linkcode MAX_FRAME_BYTES}.
 */
export function checkFrameLength(
  type: string,
  length: number,
): void {
  if (length > MAX_FRAME_BYTES) {
    throw new RangeError(
      `Cannot encode frame "${type}": ${length} bytes exceed the limit of ${MAX_FRAME_BYTES}`,
    );
  }
}
