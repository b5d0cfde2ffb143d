import { assert, assertEquals, assertRejects } from "@std/assert";
import { cut, join, settle, toBytes, toText } from "./_test_utils.ts";
import { encodeFrame } from "./encode_frame.ts";
import { type DataFrame, MAX_FRAME_BYTES } from "./frame.ts";
import { FrameDecoderStream } from "./frame_decoder_stream.ts";
import { FrameLengthError, ProtocolError } from "./protocol_error.ts";
import {
  type FrameRecord,
  RecordDecoderStream,
  type RecordDecoderStreamOptions,
} from "./record_decoder_stream.ts";

function decode(
  chunks: Iterable<Uint8Array>,
  raw = true,
  options: RecordDecoderStreamOptions = {},
): ReadableStream<FrameRecord> {
  const records = new RecordDecoderStream(options);
  records.raw = raw;
  return ReadableStream.from(chunks).pipeThrough(records);
}

/** Shows records as text: lines as they are, data as `stdout:…`. */
async function show(records: ReadableStream<FrameRecord>): Promise<string[]> {
  const shown: string[] = [];
  for await (const record of records) {
    shown.push(
      record instanceof Uint8Array
        ? toText(record)
        : `${record.type}:${toText(record.data)}`,
    );
  }
  return shown;
}

Deno.test("RecordDecoderStream() splits at newlines, and takes a last line without", async () => {
  assertEquals(await show(decode(["a\nbc\r\n\nd", "ef"].map(toBytes))), [
    ...["a", "bc", "", "def"],
  ]);
});

Deno.test("RecordDecoderStream() drops a last line without a newline when it is told to", async () => {
  const lines = decode(["a\nb"].map(toBytes), true, { dropPartial: true });
  assertEquals(await show(lines), ["a"]);
});

Deno.test("RecordDecoderStream() passes announced bytes on, however they are cut", async () => {
  const bytes = toBytes(
    '{"type":"started"}\n{"type":"stdout","size":6}\nhe\nlo\n' +
      '{"type":"stderr","size":0}\n{ "size": 2, "type": "stderr" }\r\n\r\n' +
      '{"type":"exit"}\n',
  );
  for (const size of [1, 2, 3, 5, 8, 13, 1000]) {
    const shown = await show(decode(cut(bytes, [size])));
    const joined = shown.reduce<string[]>((all, record) => {
      const [stream, data] = record.split(":", 2) as [string, string];
      const same = /^std/.test(stream) && all.at(-1)?.startsWith(stream);
      return same ? [...all.slice(0, -1), all.at(-1) + data] : [...all, record];
    }, []);
    assertEquals(joined, [
      '{"type":"started"}',
      "stdout:he\nlo\n",
      "stderr:\r\n",
      '{"type":"exit"}',
    ]);
  }
});

Deno.test("RecordDecoderStream() takes sizes for nothing when it isn't raw", async () => {
  const line = '{"type":"stdout","size":2}';
  assertEquals(await show(decode([toBytes(`${line}\nhi\n`)], false)), [
    line,
    "hi",
  ]);
});

Deno.test("RecordDecoderStream() is told by the first line whether the others announce bytes", async () => {
  const line = '{"type":"stdout","size":2}';
  for (const first of ["raw", "not", line]) {
    const rawAfter = (line: Uint8Array) => toText(line) === "raw";
    const bytes = toBytes(`${first}\n${line}\nhi`);
    const records = decode([bytes], false, { rawAfter });
    assertEquals(await show(records), [
      first,
      ...first === "raw" ? ["stdout:hi"] : [line, "hi"],
    ]);
  }
});

Deno.test("RecordDecoderStream() leaves other lines to others", async () => {
  const lines = [
    ...['{"type":"window","size":2}', '{"size":2}', "[2]", '"size"', "null"],
    ...['{"type":"stdout","size":null,"data":"aGk="}', '{"type":"stdout","siz'],
    `{"type":"stdout","size":2,"x":"${"x".repeat(200)}"}`,
  ];
  const bytes = toBytes(lines.map((line) => `${line}\n`).join(""));
  assertEquals(await show(decode([bytes])), lines);
});

Deno.test("RecordDecoderStream() throws when a size is none, or too large", async () => {
  for (const size of ["-1", "1.5", '"2"', "[]", "1e300", MAX_FRAME_BYTES]) {
    await assertRejects(
      () => show(decode([toBytes(`{"type":"stdin","size":${size}}\n`)])),
      ProtocolError,
      'Cannot parse frame "stdin": ',
    );
  }
  const line = `{"type":"stdin","size":${MAX_FRAME_BYTES - 32}}`;
  assertEquals(line.length, 31);
  const records = decode([toBytes(`${line}\n`), new Uint8Array(9)]);
  assertEquals(await Array.fromAsync(records), [
    { type: "stdin", data: new Uint8Array(9) },
  ]);
});

Deno.test("RecordDecoderStream() passes large pieces on as views, and lets small ones hold no more than they are", async () => {
  const chunk = new Uint8Array(100_000);
  const header = toBytes('{"type":"stdin","size":300000}\n');
  const last = new Uint8Array(100_000).fill(10);
  const records = decode([header, chunk, chunk, chunk.subarray(1), last]);
  const pieces: Uint8Array[] = [];
  for await (const record of records) {
    if (!(record instanceof Uint8Array)) pieces.push(record.data);
  }
  assertEquals(pieces.map(({ length }) => length), [
    100_000,
    100_000,
    99_999,
    1,
  ]);
  assert(pieces[0]!.buffer === chunk.buffer);
  assertEquals(pieces[3]!.buffer.byteLength, 1);
});

Deno.test("RecordDecoderStream() searches by what it is given", async () => {
  const searched: number[] = [];
  const indexOf = (bytes: Uint8Array, byte: number, start: number) => {
    searched.push(bytes.length);
    return bytes.indexOf(byte, start);
  };
  assertEquals(await show(decode([toBytes("a\nb\n")], true, { indexOf })), [
    "a",
    "b",
  ]);
  assertEquals(searched, [4, 4]);
});

Deno.test("RecordDecoderStream() passes long data on before its line ends", async () => {
  const data = new Uint8Array(100_000).map((_, index) => index % 251);
  const line = encodeFrame({ type: "stdout", data });
  for (const size of [20_000, 32 * 1024, 70_001, 1_000_000]) {
    const frames = await Array.fromAsync(
      decode(cut(line, [size])).pipeThrough(new FrameDecoderStream()),
    ) as DataFrame[];
    assert(frames.length > 1 || size > line.length);
    assertEquals(join(frames.map((frame) => frame.data)), data);
    assert(frames.every(({ type }) => type === "stdout"));
  }
});

Deno.test("RecordDecoderStream() takes long lines of another form in one piece", async () => {
  const base64 = "A".repeat(100_000);
  const lines = [
    `{"data":"${base64}","type":"stdout"}`,
    `{"type":"stdout","data":"\\u0041${base64}AAA"}`,
    `{"type":"exec","argv":["${base64}"]}`,
  ];
  const bytes = toBytes(lines.map((line) => `${line}\n`).join(""));
  assertEquals(await show(decode(cut(bytes, [40_000]))), lines);
});

Deno.test("RecordDecoderStream() throws when data is bad behind what was passed on", async () => {
  const chunks = [
    `{"type":"stdin","data":"${"A".repeat(40_000)}`,
    `${"A".repeat(40_000)}!"}\n`,
  ];
  const reader = decode(chunks.map(toBytes))
    .pipeThrough(new FrameDecoderStream()).getReader();
  assertEquals((await reader.read()).value, {
    type: "stdin",
    data: new Uint8Array(30_000),
  });
  await assertRejects(() => reader.read(), ProtocolError, "base64");
});

Deno.test("RecordDecoderStream() throws when a line is too long, however much was passed on", async () => {
  const piece = toBytes("A".repeat(1024 * 1024));
  const begin = toBytes('{"type":"stdin","data":"');
  const frames = decode([begin, ...Array(9).fill(piece)]);
  let passed = 0;
  await assertRejects(
    async () => {
      for await (const record of frames) {
        if (!(record instanceof Uint8Array)) passed += record.data.length;
      }
    },
    ProtocolError,
    `longer than ${MAX_FRAME_BYTES} bytes`,
  );
  assertEquals(passed, 7 * 1024 * 1024 / 4 * 3);
});

Deno.test("RecordDecoderStream() throws when a line to be held is longer than it may be", async () => {
  const maxFrameBytes = 64 * 1024;
  const line = `{"type":"exec","x":"${"a".repeat(maxFrameBytes - 23)}"}`;
  assertEquals(line.length + 1, maxFrameBytes);
  for (const size of [1000, 40_000, 1_000_000]) {
    const options = [true, { maxFrameBytes }] as const;
    const fits = cut(toBytes(`${line}\n`), [size]);
    assertEquals(await show(decode(fits, ...options)), [line]);
    const longer = cut(toBytes(` ${line}\n{}\n`), [size]);
    await assertRejects(
      () => show(decode(longer, ...options)),
      FrameLengthError,
      `longer than ${maxFrameBytes} bytes`,
    );
  }
});

Deno.test("RecordDecoderStream() passes data on that is longer than what may be held", async () => {
  const data = new Uint8Array(1_000_000).fill(7);
  const bytes = join([
    encodeFrame({ type: "stdin", data }),
    toBytes(`{"type":"stdin","size":${data.length}}\n`),
    data,
    encodeFrame({ type: "stdin_close" }),
  ]);
  for (const size of [50_000, 300_000, 5_000_000]) {
    const frames = decode(cut(bytes, [size]), true, { maxFrameBytes: 65536 })
      .pipeThrough(new FrameDecoderStream());
    let length = 0;
    for await (const frame of frames) {
      if ("data" in frame) length += frame.data.length;
    }
    assertEquals(length, 2 * data.length);
  }
});

Deno.test("RecordDecoderStream() asks for its pace within a chunk, whatever the lines are", async () => {
  for (
    const line of [
      ...['{"type":"stdin","size":0}\n', '{"type":"stdin","size":1}\nx'],
      ...['{"type":"x"}\n', "\n", " \n", '{"type":"stdin","data":""}\n'],
    ]
  ) {
    let asked = 0;
    const pace = () => void asked++;
    await show(decode([toBytes(line.repeat(1000))], true, { pace }));
    assert(asked >= 30, `${line}: ${asked}`);
    assert(asked <= 100, `${line}: ${asked}`);
  }
});

Deno.test("RecordDecoderStream() takes no more lines until its pace allows it", async () => {
  const waits: PromiseWithResolvers<void>[] = [];
  let open = false;
  const pace = () => {
    if (open) return undefined;
    waits.push(Promise.withResolvers());
    return waits.at(-1)!.promise;
  };
  const lines = Array.from({ length: 100 }, (_, i) => `${i}`);
  const bytes = toBytes(lines.join("\n"));
  const shown: string[] = [];
  const all = (async () => {
    for await (const line of decode([bytes], false, { pace })) {
      shown.push(toText(line as Uint8Array));
    }
  })();
  await settle();
  assertEquals(shown.length, 32);
  // Whoever is woken asks again, as the others may have been faster.
  for (let i = 0; i < 3; i++) {
    waits.at(-1)!.resolve();
    await settle();
  }
  assertEquals([shown.length, waits.length], [32, 4]);
  open = true;
  waits.at(-1)!.resolve();
  await all;
  assertEquals(shown, lines);
});

Deno.test("RecordDecoderStream() fails when its pace does", async () => {
  const pace = () => {
    throw new Error("The session is over");
  };
  await assertRejects(
    () => show(decode([toBytes("a\n".repeat(100))], false, { pace })),
    Error,
    "The session is over",
  );
});
