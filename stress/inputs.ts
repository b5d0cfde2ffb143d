/**
 * What peers say that mean no good, or don't know better: frames with wrong,
 * missing and extreme fields, in any order, and bytes changed at random.
 *
 * @module
 */

import fc from "fast-check";
import { Buffer } from "node:buffer";

/**
 * Leaves a value out, but for one time in some.
 *
 * @param value The value.
 * @param times In how many.
 */
export function rarely<T>(
  value: fc.Arbitrary<T>,
  times: number,
): fc.Arbitrary<T | undefined> {
  return fc.oneof(
    { arbitrary: fc.constant(undefined), weight: times - 1 },
    { arbitrary: value, weight: 1 },
  );
}

/** Text: any, lone surrogates and control characters included. */
const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.string({ maxLength: 8 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 4 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom("", "\0", "__proto__", "constructor", "x".repeat(5000)),
);

/** Numbers as JSON writes them, and as it doesn't. */
const numberText = fc.oneof(
  fc.nat({ max: 300 }).map(String),
  fc.maxSafeInteger().map(String),
  fc.constantFrom(
    ...["0", "-0", "-1", "1.5", "255", "256", "65535", "65536", "2147483647"],
    ...["2147483648", "4294967296", "9007199254740991", "9007199254740992"],
    ...["1e3", "1E400", "-1e-400", "8388600", "8388608", "00", "+1", "NaN"],
  ),
);

const quoted = text.map((value) => JSON.stringify(value));
const strings = fc.array(quoted, { maxLength: 4 })
  .map((items) => `[${items.join(",")}]`);
const bools = fc.constantFrom("true", "false");
const features = fc.subarray(["signals", "flow", "raw", "tty", "odd"])
  .map((names) => JSON.stringify(names));
const smallBase64 = fc.uint8Array({ maxLength: 60 })
  .map((data) => `"${Buffer.from(data).toString("base64")}"`);
const small = fc.nat({ max: 300 }).map(String);
const tty = fc.tuple(small, small, fc.option(quoted))
  .map(([rows, cols, term]) =>
    `{"rows":${rows},"cols":${cols}${term === null ? "" : `,"term":${term}`}}`
  );
const stringRecord = fc.array(fc.tuple(quoted, quoted), { maxLength: 3 })
  .map((members) =>
    `{${members.map(([name, value]) => `${name}:${value}`).join(",")}}`
  );

/** Any value, as JSON. */
const anyValue = fc.oneof(
  numberText,
  quoted,
  strings,
  stringRecord,
  fc.constantFrom(
    "null",
    "true",
    "{}",
    "[]",
    '[["a"]]',
    '{"a":1}',
    '"\\ud800"',
  ),
  fc.nat({ max: 2000 }).map((depth) => "[".repeat(depth) + "]".repeat(depth)),
);

/** The fields of each type of frame, with values of the right kind. */
const FIELDS: Readonly<Record<string, Record<string, fc.Arbitrary<string>>>> = {
  exec: {
    ...{ argv: strings, env: stringRecord, cwd: quoted, user: quoted },
    ...{ timeout_ms: small, clear_env: bools, tty, features },
  },
  reseed: { data: smallBase64, regen_machine_id: bools },
  info: {
    ...{ version: quoted, protocol: small, features, os: quoted },
    ...{ arch: quoted, boot_id: quoted, uptime_ms: numberText },
  },
  stdin: { data: smallBase64 },
  stdout: { data: smallBase64 },
  stderr: { data: smallBase64 },
  stdin_close: {},
  resize: { rows: small, cols: small },
  signal: {
    signal: fc.constantFrom('"SIGTERM"', '"SIGINT"', '"SIGUSR1"', '"SIGODD"'),
  },
  window: { bytes: numberText },
  started: { pid: small, features, window: small },
  exit: { exit_code: small, signal: quoted, timed_out: bools },
  error: {
    message: quoted,
    code: fc.constantFrom('"not_found"', '"busy"', '"odd"'),
  },
  odd: {},
};

/** The types of frames that there are, and one that there isn't. */
export const FRAME_TYPES: readonly string[] = Object.keys(FIELDS);

/**
 * Makes lines of JSON that are frames, or nearly.
 *
 * @param types The frames' types.
 * @returns The lines, without their newlines.
 */
export function frameLine(types: readonly string[]): fc.Arbitrary<string> {
  return fc.constantFrom(...types).chain((type) =>
    fc.tuple(
      fc.constantFrom("", "", "", " ", "\t\r "),
      rarely(fc.tuple(quoted, anyValue), 6),
      ...Object.entries(FIELDS[type]!).map(([name, right]) =>
        fc.option(
          fc.oneof(
            { arbitrary: right, weight: 30 },
            { arbitrary: anyValue, weight: 1 },
          ),
          { freq: 8 },
        ).map((value) => value === null ? "" : `"${name}":${value}`)
      ),
    ).map(([space, more, ...fields]) => {
      const members = [
        `"type":"${type}"`,
        ...fields.filter((field) => field !== ""),
        ...(more ? [more.join(":")] : []),
      ];
      return `{${members.join(`,${space}`)}${space}}`;
    })
  );
}

/** How data may be framed. */
export interface DataOptions {
  /** The types of the frames. */
  readonly types: readonly string[];
  /** The most bytes that one may have. */
  readonly maxBytes: number;
}

/** How many bytes make a line of base64 long enough to be passed on in pieces. */
const LONG_BYTES = 24 * 1024;

/** Bytes that cost nothing to shrink: how many, and from which place of a cycle. */
function cheapData(maxBytes: number): fc.Arbitrary<Buffer> {
  return fc.tuple(
    fc.oneof(
      { arbitrary: fc.nat({ max: 40 }), weight: 40 },
      { arbitrary: fc.nat({ max: 3000 }), weight: 8 },
      {
        arbitrary: fc.integer({ min: LONG_BYTES, max: maxBytes }),
        weight: 1,
      },
    ),
    fc.nat({ max: 255 }),
  ).map(([length, start]) =>
    Buffer.from(Uint8Array.from({ length }, (_, index) => start + index * 7))
  );
}

/**
 * Makes data lines in the form that all peers write them.
 *
 * @param options The options.
 * @returns The lines, without their newlines.
 */
export function dataLine(
  { types, maxBytes }: DataOptions,
): fc.Arbitrary<string> {
  return fc.tuple(fc.constantFrom(...types), cheapData(maxBytes))
    .map(([type, data]) =>
      `{"type":"${type}","data":"${data.toString("base64")}"}`
    );
}

/**
 * Makes bytes behind a line that announces them, mostly as many as it says.
 *
 * @param options The options.
 * @returns The line, its newline and the bytes.
 */
export function rawFrame(
  { types, maxBytes }: DataOptions,
): fc.Arbitrary<Buffer> {
  const header = fc.constantFrom(
    ...[
      "#",
      "#",
      "#",
      '#,"x":1',
      '#,"data":"QQ=="',
      `#,"x":"${"y".repeat(120)}"`,
    ],
  );
  return fc.tuple(
    fc.constantFrom(...types),
    cheapData(maxBytes),
    rarely(numberText, 8),
    header,
    fc.constantFrom("\n", "\n", "\r\n"),
  ).map(([type, data, wrongSize, form, end]) => {
    const size = `"size":${wrongSize ?? data.length}`;
    const line = `{"type":"${type}",${form.replace("#", size)}}${end}`;
    return Buffer.concat([Buffer.from(line), data]);
  });
}

/** Lines that are no frames. */
export const junkLine: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.oneof(
    anyValue,
    fc.constantFrom("", "\r", "garbage", "[]", "null", '"x"', '{"type":5}'),
  ).map((line) => Buffer.from(line)),
);

/**
 * Makes what some parts say one after the other, a newline behind each.
 *
 * @param part One part.
 * @param maxParts How many at most.
 */
export function transcript(
  part: fc.Arbitrary<string | Buffer>,
  maxParts: number,
): fc.Arbitrary<Buffer> {
  const ending = fc.constantFrom(...Array(12).fill("\n"), "\r\n", "", "\n\n");
  return fc.array(fc.tuple(part, ending), { maxLength: maxParts })
    .map((parts) =>
      Buffer.concat(
        parts.flat().map((piece) => Buffer.from(piece as string)),
      )
    );
}

/** What mutations put in. */
const TOKENS: readonly string[] = [
  ...["\n", "\r\n", "\0", '"', "\\", "{", "}", "[", "]", ",", ":", "=", "==="],
  ...[
    "null",
    "true",
    "-1",
    "1e999",
    '"size":9',
    ',"data":null',
    '"}',
    "\ufeff",
  ],
  ...['{"type":"stdin_close"}\n', '{"type":"exit"}\n', "\\ud800", "é", "/_-+"],
];

/** A change of some bytes; places and lengths are taken modulo what there is. */
const mutation = fc.record({
  kind: fc.constantFrom(
    ...["flip", "insert", "delete", "splice", "truncate", "repeat"] as const,
  ),
  at: fc.nat(),
  from: fc.nat(),
  length: fc.oneof(fc.nat({ max: 8 }), fc.nat({ max: 2000 })),
  bytes: fc.oneof(
    fc.constantFrom(...TOKENS).map((token) => Buffer.from(token)),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
  ),
});

type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(
  bytes: Buffer,
  { kind, at, from, length, bytes: inserted }: Mutation,
): Buffer {
  const place = at % (bytes.length + 1);
  const [head, tail] = [bytes.subarray(0, place), bytes.subarray(place)];
  switch (kind) {
    case "flip": {
      const copy = Buffer.from(bytes);
      if (place < copy.length) copy[place]! ^= 1 << (from % 8);
      return copy;
    }
    case "insert":
      return Buffer.concat([head, inserted, tail]);
    case "delete":
      return Buffer.concat([head, tail.subarray(length)]);
    case "splice": {
      const start = from % (bytes.length + 1);
      return Buffer.concat([head, bytes.subarray(start, start + length), tail]);
    }
    case "truncate":
      return head;
    case "repeat": {
      const piece = tail.subarray(0, length);
      return Buffer.concat([head, piece, piece, piece, tail]);
    }
  }
}

/**
 * Changes bytes at random, half of them not at all.
 *
 * @param bytes The bytes.
 */
export function mutated(bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc.tuple(
    bytes,
    fc.oneof(
      fc.constant([] as Mutation[]),
      fc.array(mutation, { minLength: 1, maxLength: 3 }),
    ),
  ).map(([bytes, mutations]) => mutations.reduce(mutate, bytes));
}

/** Sizes to cut bytes by, which are used again and again. */
export const chunkSizes: fc.Arbitrary<readonly number[]> = fc.oneof(
  fc.constant([Infinity]),
  fc.constant([1]),
  fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 5 }),
  fc.array(
    fc.oneof(
      fc.integer({ min: 1, max: 300 }),
      fc.constantFrom(16_383, 16_384, 32_768, 65_536),
    ),
    { minLength: 1, maxLength: 5 },
  ),
);

/** How many chunks an input has at most: more only take time. */
const MAX_CHUNKS = 300;

/**
 * Cuts bytes into chunks.
 *
 * @param bytes The bytes.
 * @param sizes The chunks' sizes, larger where there would be too many chunks.
 */
export function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const least = Math.ceil(bytes.length / MAX_CHUNKS);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = Math.max(least, sizes[chunks.length % sizes.length]!);
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/**
 * Returns the one value that a seed stands for.
 *
 * @param arbitrary What makes it.
 * @param seed The seed.
 */
export function valueOf<T>(arbitrary: fc.Arbitrary<T>, seed: number): T {
  return fc.sample(arbitrary, { seed: seed | 0, numRuns: 1 })[0]!;
}
