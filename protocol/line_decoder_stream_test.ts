import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { cut, settle, toBytes, toText } from "./_test_utils.ts";
import { MAX_FRAME_BYTES } from "./frame.ts";
import { LineDecoderStream } from "./line_decoder_stream.ts";
import { ProtocolError } from "./protocol_error.ts";

function decode(
  chunks: Iterable<Uint8Array>,
  maxLineBytes = MAX_FRAME_BYTES,
): Promise<Uint8Array[]> {
  return Array.fromAsync(
    ReadableStream.from(chunks)
      .pipeThrough(new LineDecoderStream({ maxLineBytes })),
  );
}

async function decodeText(...chunks: string[]): Promise<string[]> {
  return (await decode(chunks.map(toBytes))).map(toText);
}

Deno.test("LineDecoderStream() splits at newlines when lines share a chunk", async () => {
  assertEquals(await decodeText("a\nbc\n\ndef\n"), ["a", "bc", "", "def"]);
});

Deno.test("LineDecoderStream() joins a line when it spans chunks", async () => {
  assertEquals(await decodeText("a", "bc", "", "d\ne", "\n"), ["abcd", "e"]);
});

Deno.test("LineDecoderStream() drops one carriage return when it stands before the newline", async () => {
  assertEquals(
    await decodeText("a\r\nb\r\r\n\r\nc\rd\n", "e\r", "\n"),
    ["a", "b\r", "", "c\rd", "e"],
  );
});

Deno.test("LineDecoderStream() emits the last line when it is unterminated", async () => {
  assertEquals(await decodeText("a\nb"), ["a", "b"]);
  assertEquals(await decodeText("a\nb\r"), ["a", "b"]);
  assertEquals(await decodeText("a\n", "b", "c"), ["a", "bc"]);
});

Deno.test("LineDecoderStream() emits nothing when there is nothing", async () => {
  assertEquals(await decodeText(), []);
  assertEquals(await decodeText("", ""), []);
});

Deno.test("LineDecoderStream() keeps characters whole when a chunk ends inside one", async () => {
  const bytes = toBytes("hé€😀\n€");
  for (let at = 0; at <= bytes.length; at++) {
    const lines = await decode([bytes.subarray(0, at), bytes.subarray(at)]);
    assertEquals(lines.map(toText), ["hé€😀", "€"]);
  }
});

Deno.test("LineDecoderStream() copies nothing when lines lie within a chunk", async () => {
  const chunk = toBytes("abc\ndef\n");
  const lines = await decode([chunk]);

  assertEquals(lines.map((line) => line.buffer === chunk.buffer), [true, true]);
  assertEquals(lines.map((line) => line.byteOffset), [0, 4]);
});

Deno.test("LineDecoderStream() never writes to a chunk", async () => {
  const chunks = [toBytes("xab").subarray(1), toBytes("cd"), toBytes("e\n")];
  const before = chunks.map((chunk) => new Uint8Array(chunk.buffer).slice());

  assertEquals((await decode(chunks)).map(toText), ["abcde"]);
  assertEquals(chunks.map((chunk) => new Uint8Array(chunk.buffer)), before);
});

Deno.test("LineDecoderStream() takes a line of 8 MiB when that includes its newline", async () => {
  const line = new Uint8Array(MAX_FRAME_BYTES - 1).fill(97);
  for (const chunks of [[line, toBytes("\nb\n")], cut(line, [65_536])]) {
    const [first] = await decode(chunks);
    assert(toText(first!) === "a".repeat(MAX_FRAME_BYTES - 1));
  }
});

Deno.test("LineDecoderStream() throws when a line is longer than 8 MiB with its newline", async () => {
  const line = new Uint8Array(MAX_FRAME_BYTES + 1).fill(97);
  line[MAX_FRAME_BYTES] = 10;
  for (const chunks of [[line], cut(line, [65_536])]) {
    await assertRejects(
      () => decode(chunks),
      ProtocolError,
      "Cannot decode line: longer than 8388608 bytes",
    );
  }
});

Deno.test("LineDecoderStream() throws when an unterminated line leaves no room for its newline", async () => {
  const line = toBytes("abcde");

  assertEquals(await decode([line.subarray(0, 4)], 5), [line.subarray(0, 4)]);
  for (const sizes of [[5], [1], [4], [3]]) {
    await assertRejects(() => decode(cut(line, sizes), 5), ProtocolError);
  }
});

Deno.test("LineDecoderStream() counts each line by itself", async () => {
  const lines = await decode([toBytes("abcd\nefgh\nij"), toBytes("kl\n")], 5);
  assertEquals(lines.map(toText), ["abcd", "efgh", "ijkl"]);
});

Deno.test("LineDecoderStream() counts the carriage return", async () => {
  assertEquals((await decode([toBytes("abc\r\n")], 5)).map(toText), ["abc"]);
  await assertRejects(() => decode([toBytes("abcd\r\n")], 5), ProtocolError);
});

Deno.test("LineDecoderStream() throws before the newline when a line grows too long", async () => {
  const stream = new LineDecoderStream({ maxLineBytes: 5 });
  const writer = stream.writable.getWriter();
  const read = stream.readable.getReader().read();
  await writer.write(toBytes("abcd"));

  await Promise.all([
    assertRejects(() => writer.write(toBytes("e")), ProtocolError),
    assertRejects(() => read, ProtocolError),
  ]);
});

Deno.test("LineDecoderStream() emits the lines before a line that is too long", async () => {
  const reader = ReadableStream.from(["a\nb\nc", "dd", "dd"].map(toBytes))
    .pipeThrough(new LineDecoderStream({ maxLineBytes: 5 }))
    .getReader();

  assertEquals((await reader.read()).value, toBytes("a"));
  assertEquals((await reader.read()).value, toBytes("b"));
  await assertRejects(() => reader.read(), ProtocolError);
});

Deno.test("LineDecoderStream() throws when maxLineBytes is not a positive integer", () => {
  for (const maxLineBytes of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(
      () => new LineDecoderStream({ maxLineBytes }),
      RangeError,
      `Cannot decode lines: "maxLineBytes" must be a positive integer, got ${maxLineBytes}`,
    );
  }
});

Deno.test("LineDecoderStream() needs one chunk at most when a line spans many", async () => {
  const stream = new LineDecoderStream();
  const writer = stream.writable.getWriter();
  const read = stream.readable.getReader().read();
  const chunks = ["ab", "c", "", "d", "efghijkl", "m", "n\n"].map(toBytes);
  for (const [index, chunk] of chunks.entries()) {
    await writer.write(chunk);
    chunks[index - 1]?.fill(120);
  }

  assertEquals(toText((await read).value!), "abcdefghijklmn");
});

Deno.test("LineDecoderStream() copies each byte a few times at most when chunks hold one byte", async () => {
  const length = 20_000;
  const { set } = Uint8Array.prototype;
  let copied = 0;
  Object.defineProperty(Uint8Array.prototype, "set", {
    configurable: true,
    value(this: Uint8Array, source: ArrayLike<number>, offset?: number) {
      copied += source.length;
      set.call(this, source, offset);
    },
  });
  try {
    const [line] = await decode(cut(new Uint8Array(length).fill(97), [1]));
    assertEquals(line?.length, length);
  } finally {
    Reflect.deleteProperty(Uint8Array.prototype, "set");
  }
  assert(copied >= length);
  assertLessOrEqual(copied, 3 * length);
});

Deno.test("LineDecoderStream() never allocates more than the longest line when one grows", async () => {
  const line = new Uint8Array(999).fill(97);
  const [joined] = await decode(cut(line, [600, 100, 299]), 1000);

  assertEquals(joined, line);
  assertLessOrEqual(joined!.buffer.byteLength, 1000);
});

Deno.test("LineDecoderStream() takes no chunk when nobody reads", async () => {
  let pulled = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++;
      controller.enqueue(toBytes(`${pulled}\n`));
    },
  }, { highWaterMark: 0 });
  const reader = source.pipeThrough(new LineDecoderStream()).getReader();
  await settle();
  assertEquals(pulled, 1);

  for (let read = 1; read <= 20; read++) {
    assertEquals((await reader.read()).value, toBytes(`${read}`));
    await settle();
    assertLessOrEqual(pulled, read + 1);
  }
  await reader.cancel();
});
