import { assertEquals } from "@std/assert";
import { MAX_FRAME_BYTES, PROTOCOL_VERSION } from "./frame.ts";

Deno.test("MAX_FRAME_BYTES and PROTOCOL_VERSION match the protocol", () => {
  assertEquals(MAX_FRAME_BYTES, 8_388_608);
  assertEquals(PROTOCOL_VERSION, 1);
});
