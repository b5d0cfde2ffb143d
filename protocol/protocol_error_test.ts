import { assertEquals, assertInstanceOf } from "@std/assert";
import { ProtocolError } from "./protocol_error.ts";

Deno.test("ProtocolError() carries its name, message and cause", () => {
  const cause = new SyntaxError("Bad JSON");
  const error = new ProtocolError("Cannot parse frame", { cause });

  assertInstanceOf(error, Error);
  assertEquals(String(error), "ProtocolError: Cannot parse frame");
  assertEquals(error.cause, cause);
});
