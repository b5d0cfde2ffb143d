import { assertEquals } from "@std/assert";
import {
  dataLineLength,
  encodeDataLine,
  parseDataLine,
  splitDataLine,
} from "./_data_line.ts";
import { toBytes, toText } from "./_test_utils.ts";

Deno.test("parseDataLine() parses the canonical form", () => {
  const data = toBytes("hi");
  for (const type of ["stdin", "stdout", "stderr"] as const) {
    const line = toBytes(`{"type":"${type}","data":"aGk="}`);
    assertEquals(parseDataLine(line), { type, data });
  }
  assertEquals(
    parseDataLine(toBytes('{"type":"stdin","data":""}')),
    { type: "stdin", data: new Uint8Array(0) },
  );
});

Deno.test("parseDataLine() returns undefined when the form is another", () => {
  const lines = [
    "",
    "{}",
    '"}',
    '{"type":"std',
    '{"type":"stdin","data":"',
    '{"type":"stdin","data":"}',
    '{"type":"stdin","data":"aGk="',
    '{"type":"stdin","data":"aGk="} ',
    ' {"type":"stdin","data":"aGk="}',
    '{"type":"stdin", "data":"aGk="}',
    '{"type":"stdin","data":"aGk"}',
    '{"type":"stdin","data":"aGk ="}',
    '{"type":"stdin","data":"aG\\u006b="}',
    '{"type":"stdin","data":"\ufeffaGk="}',
    '{"type":"stdin","data":"\ufeff"}',
    '{"type":"stdin","data":"aGk=","data":"aGk="}',
    '{"type":"stdin","data":null}',
    '{"data":"aGk=","type":"stdin"}',
    '{"type":"stdxyz","data":"aGk="}',
    '{"type":"exec","argv":["true"]}',
  ];
  for (const line of lines) {
    assertEquals(parseDataLine(toBytes(line)), undefined, line);
  }
});

Deno.test("parseDataLine() returns undefined when the data isn't UTF-8", () => {
  const line = toBytes('{"type":"stdin","data":"aGk="}');
  line[24] = 0xff;

  assertEquals(parseDataLine(line), undefined);
});

Deno.test("dataLineLength() counts the newline", () => {
  assertEquals(
    dataLineLength({ type: "stderr", data: toBytes("hi") }),
    '{"type":"stderr","data":"aGk="}\n'.length,
  );
});

Deno.test("encodeDataLine() writes the canonical form", () => {
  assertEquals(
    toText(encodeDataLine({ type: "stderr", data: toBytes("hi") })),
    '{"type":"stderr","data":"aGk="}\n',
  );
});

Deno.test("splitDataLine() yields two parts of the same meaning wherever the line ends", () => {
  const data = toBytes("0123456789abc");
  const line = encodeDataLine({ type: "stderr", data });
  const prefix = '{"type":"stderr","data":"';
  for (let end = prefix.length; end < prefix.length + 16; end++) {
    const split = splitDataLine(line.subarray(0, end))!;
    const rest = toText(split.rest) + toText(line.subarray(end, -1));
    const { type, data: more } = parseDataLine(toBytes(rest))!;
    assertEquals([split.frame.type, type], ["stderr", "stderr"]);
    assertEquals(toText(split.frame.data) + toText(more), toText(data));
  }
});

Deno.test("splitDataLine() returns undefined when the form is another", () => {
  const lines = [
    ...["", '{"type":"stdin","dat', '{"data":"aGk="', '{"type":"exit"'],
    ...['{"type":"stdin","data":"a_-=', '{"type":"stdin","data":"\\u0041aaaaa'],
    ...['{"type":"stdin","data":"aGk=', '{"type":"stdin","data":"aGk="}xx'],
  ];
  for (const line of lines) {
    assertEquals(splitDataLine(toBytes(line)), undefined, line);
  }
});
