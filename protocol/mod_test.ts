import { assertEquals } from "@std/assert";
import * as protocol from "./mod.ts";

Deno.test("mod exports the public surface and nothing else", () => {
  assertEquals(Object.keys(protocol).sort(), [
    "ERROR_CODES",
    "FrameDecoderStream",
    "FrameEncoderStream",
    "LineDecoderStream",
    "MAX_FRAME_BYTES",
    "PROTOCOL_VERSION",
    "ProtocolError",
    "encodeFrame",
    "parseFrame",
  ]);
});
