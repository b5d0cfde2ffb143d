import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { InheritedFd } from "../ffi/inherited_fd.ts";
import { openPipe } from "../ffi/pipe.ts";
import { ProtocolError } from "../protocol/mod.ts";
import { controlMessages, parseControlLine } from "./control_channel.ts";
import { InputError } from "./failure.ts";

Deno.test("parseControlLine() takes the known lines", () => {
  assertEquals(parseControlLine('{"resize":{"rows":40,"cols":120}}'), {
    type: "resize",
    size: { rows: 40, cols: 120 },
  });
  assertEquals(parseControlLine(' {"signal": "SIGTERM"} '), {
    type: "signal",
    signal: "SIGTERM",
  });
  assertEquals(parseControlLine('{"stdin_close":true}'), {
    type: "stdin_close",
  });
});

for (
  const line of [
    "",
    "x",
    "{}",
    "null",
    "5",
    '"signal"',
    '["signal"]',
    '{"signal":"TERM"}',
    '{"signal":15}',
    '{"signal":""}',
    '{"signal":"SIGTERM","stdin_close":true}',
    '{"stdin_close":false}',
    '{"resize":null}',
    '{"resize":{"rows":1}}',
    '{"resize":{"rows":1,"cols":65536}}',
    '{"resize":{"rows":-1,"cols":1}}',
    '{"resize":{"rows":1.5,"cols":1}}',
    '{"resize":{"rows":"1","cols":1}}',
    '{"resize":{"rows":1,"cols":1,"x":1}}',
    '{"sleep":1}',
  ]
) {
  Deno.test(`parseControlLine() throws when the line is ${line || "empty"}`, () => {
    assertThrows(
      () => parseControlLine(line),
      InputError,
      `Cannot follow the control line ${JSON.stringify(line)}: it must be`,
    );
  });
}

Deno.test("parseControlLine() quotes the beginning of a long line only", () => {
  assertThrows(
    () => parseControlLine("x".repeat(4000)),
    InputError,
    `line "${"x".repeat(100)}": it`,
  );
});

/** Reads the messages in a text. */
function read(text: string) {
  const { own, child } = openPipe("in");
  own.tryWrite(new TextEncoder().encode(text));
  own.close();
  return Array.fromAsync(controlMessages(new InheritedFd(child.number)));
}

Deno.test("controlMessages() reads lines up to the end", async () => {
  assertEquals(
    await read('{"signal":"SIGINT"}\r\n{"stdin_close":true}'),
    [{ type: "signal", signal: "SIGINT" }, { type: "stdin_close" }],
  );
  assertEquals(await read(""), []);
});

Deno.test("controlMessages() fails when a line is too long or malformed", async () => {
  await assertRejects(
    () => read(`{"signal":"SIGINT"}\n${" ".repeat(5000)}`),
    ProtocolError,
    "longer than 4096 bytes",
  );
  await assertRejects(() => read("\n"), InputError, 'control line ""');
});
