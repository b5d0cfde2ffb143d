import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { dataLineLength, encodeDataLine } from "./_data_line.ts";
import {
  cut,
  importBase64WithoutBuiltIns,
  join,
  outcome,
  referenceDecodeBase64,
  toBytes,
  toText,
} from "./_test_utils.ts";
import * as base64 from "./base64.ts";
import { encodeFrame } from "./encode_frame.ts";
import {
  type DataFrame,
  ERROR_CODES,
  type Frame,
  type KnownFrame,
} from "./frame.ts";
import { FrameDecoderStream } from "./frame_decoder_stream.ts";
import { FrameWritableStream } from "./frame_writable_stream.ts";
import { LineDecoderStream } from "./line_decoder_stream.ts";
import { RecordDecoderStream } from "./record_decoder_stream.ts";
import { parseFrame } from "./parse_frame.ts";
import { ProtocolError } from "./protocol_error.ts";

// All in one file, because each file that loads fast-check takes a second more.

/** Sizes to cut bytes by. */
const chunkSizes: fc.Arbitrary<number[]> = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 300 })),
  { minLength: 1, maxLength: 8 },
);

/** Any string, lone surrogates included. */
const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 })
    .map((units) => String.fromCharCode(...units)),
);

const env = fc.array(fc.tuple(
  fc.oneof(text, fc.constantFrom("PATH", "__proto__", "constructor", "")),
  text,
)).map((entries): Record<string, string> => Object.fromEntries(entries));

const count = fc.maxSafeNat();
const short = fc.nat({ max: 0xffff });
const data = fc.uint8Array({ maxLength: 200 });

/** Any frame that can be sent. */
const knownFrame: fc.Arbitrary<KnownFrame> = fc.oneof(
  fc.record({
    type: fc.constantFrom("stdin", "stdout", "stderr"),
    data,
  }),
  fc.record({
    type: fc.constant("exec"),
    argv: fc.array(text),
    env,
    cwd: text,
    user: text,
    timeoutMs: count.filter((time) => time > 0),
    clearEnv: fc.constant(true),
    memoryBytes: count.filter((bytes) => bytes > 0),
    pids: count.filter((pids) => pids > 0),
    cpus: fc.double({ min: 0.01, max: 1024, noNaN: true }),
    tty: fc.record(
      { rows: short, cols: short, term: text },
      { requiredKeys: ["rows", "cols"] },
    ),
    features: fc.array(text),
  }, { requiredKeys: ["type", "argv", "env"] }),
  fc.record({
    type: fc.constant("reseed"),
    data,
    regenMachineId: fc.boolean(),
  }),
  fc.record({
    type: fc.constant("info"),
    info: fc.record({
      version: text,
      protocol: count,
      features: fc.array(text),
      os: text,
      arch: text,
      bootId: text,
      uptimeMs: fc.oneof(
        count,
        fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
      ),
      landlockAbi: count,
      containment: text,
      controllers: fc.array(text),
    }, {
      requiredKeys: [
        ...["version", "protocol", "features", "os", "arch"] as const,
        ...["bootId", "uptimeMs"] as const,
      ],
    }),
  }, { requiredKeys: ["type"] }),
  fc.record({ type: fc.constant("stdin_close") }),
  fc.record({ type: fc.constant("resize"), rows: short, cols: short }),
  fc.record({ type: fc.constant("signal"), signal: text }),
  fc.record({ type: fc.constant("window"), bytes: count }),
  fc.record({
    type: fc.constant("started"),
    pid: count,
    features: fc.array(text),
    window: count,
  }, { requiredKeys: ["type", "pid"] }),
  fc.record({
    type: fc.constant("exit"),
    exitCode: fc.maxSafeInteger(),
    signal: text,
    timedOut: fc.constant(true),
    usage: fc.record(
      { cpuMs: count, peakMemoryBytes: count, oomKills: count },
      { requiredKeys: ["cpuMs"] },
    ),
  }, { requiredKeys: ["type", "exitCode"] }),
  fc.record({
    type: fc.constant("error"),
    message: text,
    code: fc.constantFrom(...ERROR_CODES),
  }, { requiredKeys: ["type", "message"] }),
);

function decode(chunks: Uint8Array[]): ReadableStream<Frame> {
  return ReadableStream.from(chunks)
    .pipeThrough(new RecordDecoderStream())
    .pipeThrough(new FrameDecoderStream());
}

/** Parses a data line as the protocol says, by other means. */
function referenceParse(line: Uint8Array): Frame | "ProtocolError" {
  try {
    const { type, data } = JSON.parse(toText(line));
    if (typeof type !== "string") return "ProtocolError";
    if (type !== "stdin" && type !== "stdout" && type !== "stderr") {
      return { type: "unknown", name: type };
    }
    return { type, data: referenceDecodeBase64(data ?? "") };
  } catch {
    return "ProtocolError";
  }
}

for (
  const [name, { decodeBase64, encodeBase64 }] of [
    ["", base64],
    [" on Buffer", await importBase64WithoutBuiltIns()],
  ] as const
) {
  Deno.test(`encodeBase64()${name} agrees with btoa() when bytes are arbitrary`, () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assertEquals(encodeBase64(bytes), btoa(String.fromCharCode(...bytes)));
    }));
  });

  Deno.test(`decodeBase64()${name} undoes encodeBase64() when bytes are arbitrary`, () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assertEquals(decodeBase64(encodeBase64(bytes)), bytes);
    }));
  });

  Deno.test(`decodeBase64()${name} agrees with atob() when text is mutated`, () => {
    const mutation = fc.record({
      at: fc.nat({ max: 50 }),
      remove: fc.nat({ max: 4 }),
      insert: fc.string({
        unit: fc.constantFrom(..."AZaz09+/=-_ \n\t\0é\u012b"),
        maxLength: 4,
      }),
    });
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 30 }),
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        (bytes, mutations) => {
          let text = encodeBase64(bytes);
          for (const { at, remove, insert } of mutations) {
            text = text.slice(0, at) + insert + text.slice(at + remove);
          }
          assertEquals(
            outcome(() => decodeBase64(text), SyntaxError),
            outcome(() => referenceDecodeBase64(text), SyntaxError),
          );
        },
      ),
      { numRuns: 1000 },
    );
  });
}

Deno.test("LineDecoderStream() agrees with split() when bytes and chunks are arbitrary", async () => {
  const byte = fc.oneof(fc.constantFrom(10, 13), fc.nat({ max: 255 }));
  await fc.assert(fc.asyncProperty(
    fc.array(byte, { maxLength: 100 }),
    chunkSizes,
    async (values, sizes) => {
      const lines = await Array.fromAsync(
        ReadableStream.from(cut(Uint8Array.from(values), sizes))
          .pipeThrough(new LineDecoderStream()),
      );
      const expected = String.fromCharCode(...values).split("\n");
      if (expected.at(-1) === "") expected.pop();
      assertEquals(
        lines.map((line) => String.fromCharCode(...line)),
        expected.map((line) => line.replace(/\r$/, "")),
      );
    },
  ));
});

Deno.test("encodeFrame() writes one line of JSON when frames are arbitrary", () => {
  fc.assert(fc.property(knownFrame, (frame) => {
    const line = toText(encodeFrame(frame));
    assertEquals(line.indexOf("\n"), line.length - 1);
    assertEquals(JSON.parse(line).type, frame.type);
  }));
});

Deno.test("dataLineLength() returns the length of the encoded line", () => {
  fc.assert(fc.property(
    fc.constantFrom("stdin", "stdout", "stderr"),
    fc.uint8Array({ maxLength: 20 }),
    (type, data) => {
      const line = toText(encodeDataLine({ type, data }));
      assertEquals(dataLineLength({ type, data }), line.length);
      assertEquals(line.includes("\0"), false);
    },
  ));
});

Deno.test("parseFrame() undoes encodeFrame() when frames are arbitrary", () => {
  fc.assert(
    fc.property(knownFrame, (frame) => {
      assertEquals(parseFrame(encodeFrame(frame).subarray(0, -1)), frame);
    }),
    { numRuns: 500 },
  );
});

Deno.test("parseFrame() agrees with JSON.parse() when data frames are mutated", () => {
  const token = fc.oneof(
    fc.constantFrom(...'"\\{}:, =-_+/Aé\0\t'),
    fc.constantFrom("\ufeff", "\\/", "\\u0041", "\\n", '"}', "null", "=="),
    fc.constantFrom(',"data":null', ',"data":"QQ=="', '","data":"', "stdin"),
  );
  // Places near either end of the line, and near the start of the data.
  const place = fc.oneof(
    fc.integer({ min: -8, max: 8 }),
    fc.integer({ min: 20, max: 30 }),
    fc.nat({ max: 60 }),
  );
  const mutation = fc.record({
    at: place,
    remove: fc.nat({ max: 3 }),
    insert: fc.option(token, { nil: "" }),
  });
  const outcomes = new Set<string>();
  fc.assert(
    fc.property(
      fc.constantFrom("stdin", "stdout", "stderr"),
      fc.uint8Array({ maxLength: 20 }),
      fc.array(mutation, { minLength: 1, maxLength: 3 }),
      (type, data, mutations) => {
        let line = toText(encodeFrame({ type, data }).subarray(0, -1));
        for (const { at, remove, insert } of mutations) {
          const head = line.slice(0, at);
          line = head + insert + line.slice(head.length + remove);
        }
        const bytes = toBytes(line);
        const actual = outcome(() => parseFrame(bytes), ProtocolError);
        assertEquals(actual, referenceParse(bytes), line);
        outcomes.add(typeof actual === "string" ? actual : actual.type);
      },
    ),
    { numRuns: 5000 },
  );
  assertEquals(outcomes.size, 5);
});

Deno.test("parseFrame() agrees with JSON.parse() when bytes of data frames are replaced", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("stdin", "stdout", "stderr"),
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
      fc.nat({ max: 60 }),
      fc.nat({ max: 255 }),
      (type, data, at, byte) => {
        const line = encodeFrame({ type, data }).slice(0, -1);
        line[at % line.length] = byte;
        assertEquals(
          outcome(() => parseFrame(line), ProtocolError),
          referenceParse(line),
        );
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("parseFrame() returns a frame or throws a ProtocolError when fields are arbitrary", () => {
  const types = fc.constantFrom(
    ...["exec", "reseed", "info", "stdin", "stdin_close", "started"],
    ...["stdout", "stderr", "resize", "signal", "window", "exit", "error"],
    ...["more", 5, null],
  );
  const names = [
    ...["argv", "env", "data", "regen_machine_id", "pid", "features"],
    ...["exit_code", "signal", "message", "code", "version", "protocol"],
    ...["os", "arch", "boot_id", "uptime_ms", "cwd", "user", "timeout_ms"],
    ...["clear_env", "tty", "rows", "cols", "term", "window", "bytes"],
    ...["timed_out", "memory_bytes", "pids", "cpus", "usage", "containment"],
    ...["controllers", "landlock_abi"],
  ];
  const values = fc.oneof(fc.jsonValue({ maxDepth: 2 }), text, fc.nat());
  const line = fc.record({
    type: types,
    ...Object.fromEntries(names.map((name) => [name, values])),
  }, { requiredKeys: ["type"] });
  fc.assert(
    fc.property(line, (line) => {
      outcome(
        () => parseFrame(toBytes(JSON.stringify(line))),
        ProtocolError,
      );
    }),
    { numRuns: 1000 },
  );
});

Deno.test("parseFrame() returns a frame or throws a ProtocolError when bytes are arbitrary", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (line) => {
    outcome(() => parseFrame(line), ProtocolError);
  }));
});

Deno.test("FrameDecoderStream() undoes FrameWritableStream() when frames and chunks are arbitrary", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(knownFrame),
    chunkSizes,
    async (frames, sizes) => {
      const { readable, writable } = new TransformStream<Uint8Array>();
      ReadableStream.from(frames).pipeTo(new FrameWritableStream(writable));
      const chunks = cut(join(await Array.fromAsync(readable)), sizes);
      assertEquals(await Array.fromAsync(decode(chunks)), frames);
    },
  ));
});

Deno.test("FrameDecoderStream() emits all frames before a bad line when chunks are arbitrary", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(knownFrame, { maxLength: 5 }),
      fc.constantFrom("", "nonsense", '{"type":"stdin","data":"aGk"}', "[]"),
      chunkSizes,
      async (frames, badLine, sizes) => {
        const bytes = join([
          ...frames.map((frame) => encodeFrame(frame)),
          toBytes(`${badLine}\n{"type":"exit"}\n`),
        ]);
        const reader = decode(cut(bytes, sizes)).getReader();
        for (const frame of frames) {
          assertEquals((await reader.read()).value, frame);
        }
        await assertRejects(() => reader.read(), ProtocolError);
      },
    ),
  );
});

Deno.test("FrameDecoderStream() gives frames or a ProtocolError when bytes are arbitrary", async () => {
  const line = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.json().map(toBytes),
    knownFrame.map((frame) => encodeFrame(frame)),
  );
  await fc.assert(fc.asyncProperty(
    fc.array(line),
    chunkSizes,
    async (lines, sizes) => {
      const bytes = join(lines.flatMap((line) => [line, toBytes("\n")]));
      try {
        for await (const frame of decode(cut(bytes, sizes))) {
          assertEquals(typeof frame.type, "string");
        }
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
      }
    },
  ));
});

Deno.test("FrameDecoderStream() undoes a raw FrameWritableStream() when frames and chunks are arbitrary", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(knownFrame),
    chunkSizes,
    async (frames, sizes) => {
      const { readable, writable } = new TransformStream<Uint8Array>();
      const sink = new FrameWritableStream(writable);
      sink.raw = true;
      ReadableStream.from(frames).pipeTo(sink);
      const chunks = cut(join(await Array.fromAsync(readable)), sizes);
      const records = new RecordDecoderStream();
      records.raw = true;
      const decoded = ReadableStream.from(chunks)
        .pipeThrough(records)
        .pipeThrough(new FrameDecoderStream());
      assertEquals(
        joinData(await Array.fromAsync(decoded)),
        joinData(frames),
      );
    },
  ));
});

/** Joins data frames of one stream that follow each other, and drops empty ones. */
function joinData(frames: readonly Frame[]): Frame[] {
  const joined: Frame[] = [];
  for (const frame of frames) {
    const last = joined.at(-1);
    if (!isData(frame)) joined.push(frame);
    else if (last && isData(last) && last.type === frame.type) {
      const data = join([last.data, frame.data]);
      joined[joined.length - 1] = { type: frame.type, data };
    } else if (frame.data.length > 0) joined.push(frame);
  }
  return joined;
}

function isData(frame: Frame): frame is DataFrame {
  return frame.type === "stdin" || frame.type === "stdout" ||
    frame.type === "stderr";
}
