import { assertEquals } from "@std/assert";
import * as protocol from "./mod.ts";

Deno.test("mod exports the public surface and nothing else", () => {
  assertEquals(Object.keys(protocol).sort(), [
    "ERROR_CODES",
    "FrameDecoderStream",
    "FrameLengthError",
    "FrameWritableStream",
    "LineDecoderStream",
    "MAX_ARGUMENTS",
    "MAX_FRAME_BYTES",
    "MAX_VARIABLES",
    "PROTOCOL_VERSION",
    "ProtocolError",
    "RecordDecoderStream",
    "encodeFrame",
    "isTerminalSize",
    "parseFrame",
    "requestedFeatures",
  ]);
});
