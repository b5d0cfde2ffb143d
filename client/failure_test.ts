import { assertEquals } from "@std/assert";
import { UsageError } from "../cli/command.ts";
import { ProtocolError } from "../protocol/mod.ts";
import { AgentError, ConnectionError, UnsupportedError } from "./errors.ts";
import { classifyFailure, InputError, LeftError } from "./failure.ts";

Deno.test("classifyFailure() knows every error that ends the client", () => {
  const cases: [error: unknown, code: string, exitCode: number][] = [
    [new AgentError("", "not_found"), "not_found", 127],
    [new AgentError("", "not_executable"), "not_executable", 126],
    [new AgentError("", "denied"), "denied", 126],
    [new AgentError("", "busy"), "busy", 125],
    [new AgentError("no idea"), "internal", 125],
    [new ConnectionError(), "connection", 125],
    [new UnsupportedError({ cid: 3 }, "tty"), "unsupported", 125],
    [new ProtocolError(), "protocol", 125],
    [new UsageError(), "usage", 125],
    [new InputError(), "usage", 125],
    [new LeftError(""), "cancelled", 125],
    [new LeftError("", 143), "cancelled", 143],
    [new Deno.errors.BrokenPipe(), "cancelled", 141],
    [new Error(), "internal", 125],
    ["text", "internal", 125],
  ];
  for (const [error, code, exitCode] of cases) {
    assertEquals(classifyFailure(error), { code, exitCode }, String(error));
  }
});
