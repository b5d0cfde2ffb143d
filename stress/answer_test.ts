import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { checkAnswer } from "./answer.ts";

const STARTED = '{"type":"started","pid":7}\n';
const EXIT = '{"type":"exit"}\n';
const OVER = { ended: true, asked: true };

function check(text: string, options = OVER) {
  return checkAnswer(Buffer.from(text), options);
}

Deno.test("checkAnswer() returns the frames of sessions as they should be", () => {
  const output = '{"type":"stdout","data":"aGk="}\n';
  assertEquals(check(`${STARTED}${output}${EXIT}`), {
    types: ["started", "stdout", "exit"],
    end: { type: "exit" },
  });
  const raw = STARTED.replace("}", ',"features":["raw"]}');
  assertEquals(
    check(`${raw}{"type":"stdout","size":16}\n${EXIT}${EXIT}`).types,
    ["started", "stdout", "exit"],
  );
  assertEquals(check('{"type":"error","code":"busy","message":"x"}\n').types, [
    "error",
  ]);
});

Deno.test("checkAnswer() lets a client leave at any place, or say nothing", () => {
  const left = { ended: false, asked: true };
  assertEquals(check(`${STARTED}{"type":"std`, left).types, ["started"]);
  assertEquals(check("", left).types, []);
  assertEquals(check("", { ended: true, asked: false }).types, []);
});

Deno.test("checkAnswer() throws when an agent breaks the protocol", () => {
  for (
    const [answer, message] of [
      [`${STARTED}${EXIT}${EXIT}`, '"exit" comes behind "exit"'],
      [`${STARTED}${EXIT}{"type":"stdout"}\n`, 'comes behind "exit"'],
      [STARTED, "without a last word"],
      ["", "without a last word"],
      [`${STARTED}{"type":"exi`, "within a frame"],
      [`${STARTED}${STARTED}${EXIT}`, '"started" comes behind'],
      [EXIT, '"exit" comes first'],
      ['{"type":"stdin"}\n', "doesn't send"],
      ['{"type":"error","code":"internal","message":"x"}\n', "by itself"],
      ['{"type":"error","message":"x"}\n', "by itself"],
      ['{"type":"error","code":"busy","message":""}\n', "by itself"],
      [
        `${
          STARTED.replace("}", ',"features":["raw"]}')
        }{"type":"stdout","size":9}\nx`,
        "within a frame",
      ],
    ] as const
  ) {
    assertThrows(() => check(answer), Error, message);
  }
  assertThrows(() => check("garbage\n"), SyntaxError);
});
