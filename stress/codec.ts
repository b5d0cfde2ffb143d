/**
 * Fuzzing the codecs, in memory.
 *
 * @module
 */

import fc from "fast-check";
import { Buffer } from "node:buffer";
import {
  type DataFrame,
  type Frame,
  FrameDecoderStream,
  FrameWritableStream,
  type KnownFrame,
  ProtocolError,
  RecordDecoderStream,
} from "../protocol/mod.ts";
import { type Batch, Finding, type Part, type PartRun } from "./part.ts";
import {
  chunkSizes,
  cut,
  dataLine,
  FRAME_TYPES,
  frameLine,
  junkLine,
  mutated,
  rawFrame,
  transcript,
  valueOf,
} from "./inputs.ts";
import { mixSeed } from "./random.ts";

/** Some pieces of a line that is passed on in pieces. */
const MAX_DATA = 60_000;
const DATA = { types: ["stdin", "stdout", "stderr"], maxBytes: MAX_DATA };

/** What a decoder gets. */
export interface CodecInput {
  /** The bytes. */
  readonly bytes: Buffer;
  /** The sizes of its chunks, the other time it gets them. */
  readonly sizes: readonly number[];
  /** Whether lines may announce bytes. */
  readonly raw: boolean;
}

const codecInput: fc.Arbitrary<CodecInput> = fc.record({
  bytes: mutated(transcript(
    fc.oneof(
      { arbitrary: frameLine(FRAME_TYPES), weight: 6 },
      { arbitrary: dataLine(DATA), weight: 3 },
      { arbitrary: rawFrame(DATA), weight: 3 },
      { arbitrary: junkLine, weight: 1 },
    ),
    5,
  )),
  sizes: chunkSizes,
  raw: fc.boolean(),
});

/** The part of the fuzzer that gives bytes to the codecs. */
export const codec: Part = {
  name: "codec",
  inputs: 100_000,
  batch: 1000,
  share: 0.3,
  // deno-lint-ignore require-await -- there is nothing to open
  open: async ({ seed }: PartRun) => ({
    run: async ({ from, to }: Batch) => {
      for (let index = from; index < to; index++) {
        const input = valueOf(codecInput, mixSeed(seed, index));
        try {
          await checkCodec(input);
        } catch (error) {
          throw new Finding(index, await shrink(mixSeed(seed, index)), error);
        }
      }
    },
    [Symbol.asyncDispose]: async () => {},
  }),
};

/** Finds a smaller input that fails too, and describes it. */
async function shrink(seed: number): Promise<string> {
  const { counterexample } = await fc.check(
    fc.asyncProperty(codecInput, checkCodec),
    { seed: seed | 0, numRuns: 1, interruptAfterTimeLimit: 20_000 },
  );
  const { bytes, sizes, raw } = counterexample![0];
  return `${JSON.stringify(bytes.toString("latin1"))}, cut by ${
    JSON.stringify(sizes)
  }${raw ? ", raw" : ""}`;
}

/** What bytes were decoded to. */
interface Decoded {
  readonly frames: readonly Frame[];
  readonly failed: boolean;
}

/**
 * Checks what must be true of the codecs whatever they get: it comes to an end,
 * in frames or a `ProtocolError`; it is the same however the bytes are cut; there
 * is no more data than bytes; and frames that are written and read again are the
 * same.
 *
 * @param input What they get.
 * @throws {Error} If it isn't.
 */
async function checkCodec(
  { bytes, sizes, raw }: CodecInput,
): Promise<void> {
  const chunks = cut(bytes, sizes);
  const whole = await decode(bytes.length > 0 ? [bytes] : [], raw);
  const split = await decode(chunks, raw);
  for (const { frames } of [whole, split]) {
    const lines = bytes.filter((byte) => byte === 10).length;
    if (frames.length > lines + chunks.length + 1) {
      throw new Error(`${frames.length} frames came of ${lines} lines`);
    }
    const data = frames.reduce((sum, frame) => sum + dataOf(frame).length, 0);
    if (data > bytes.length) {
      throw new Error(`${data} bytes of data came of ${bytes.length}`);
    }
  }
  if (!repeatsKeyInLongLine(bytes)) checkSame(whole, split);
  await checkRoundTrip(whole.frames);
}

async function decode(
  chunks: readonly Buffer[],
  raw: boolean,
): Promise<Decoded> {
  const records = new RecordDecoderStream();
  records.raw = raw;
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  const frames: Frame[] = [];
  try {
    const decoded = stream.pipeThrough(records)
      .pipeThrough(new FrameDecoderStream());
    for await (const frame of decoded) frames.push(frame);
    return { frames, failed: false };
  } catch (error) {
    if (error instanceof ProtocolError) return { frames, failed: true };
    throw error;
  }
}

/** The one case where the pieces of a line may mean something else than the line. */
function repeatsKeyInLongLine(bytes: Buffer): boolean {
  return bytes.toString("latin1").split("\n").some((line) =>
    line.length >= 32 * 1024 &&
    (line.includes("\\") || line.match(/"(type|data)"/g)?.length !== 2)
  );
}

/**
 * Compares two outcomes of the same bytes. Where both fail, one may have passed
 * more of what came before on.
 */
function checkSame(whole: Decoded, split: Decoded): void {
  if (whole.failed !== split.failed) {
    throw new Error(
      `The bytes ${outcome(whole)} in one chunk, but ${outcome(split)} in many`,
    );
  }
  const [one, other] = [flatten(whole.frames), flatten(split.frames)];
  if (
    whole.failed
      ? !one.startsWith(other) && !other.startsWith(one)
      : one !== other
  ) {
    throw new Error(
      `Other frames come of one chunk than of many:\n${one}\n${other}`,
    );
  }
}

function outcome({ failed }: Decoded): string {
  return failed ? "break the protocol" : "are frames";
}

/** Frames as text, which is the same however data is cut. */
function flatten(frames: readonly Frame[]): string {
  let text = "";
  let last: string | undefined;
  for (const frame of frames) {
    if (isData(frame)) {
      if (frame.data.length === 0) continue;
      if (last !== frame.type) text += `\n${frame.type} `;
      text += Buffer.from(frame.data).toString("latin1");
    } else {
      text += `\n${JSON.stringify(frame, dropDefault)}`;
    }
    last = frame.type;
  }
  return text;
}

/** What isn't written, as it says nothing. */
function dropDefault(name: string, value: unknown): unknown {
  const optional = name === "timeoutMs" || name === "clearEnv" ||
    name === "timedOut";
  return optional && !value ? undefined : value;
}

function isData(frame: Frame): frame is DataFrame {
  return frame.type === "stdin" || frame.type === "stdout" ||
    frame.type === "stderr";
}

function dataOf(frame: Frame): Uint8Array {
  return isData(frame) ? frame.data : new Uint8Array(0);
}

async function checkRoundTrip(frames: readonly Frame[]): Promise<void> {
  const known = frames.filter((frame): frame is KnownFrame =>
    frame.type !== "unknown"
  );
  if (known.length === 0) return;
  for (const raw of [false, true]) {
    const bytes = await encode(known, raw);
    const again = await decode([bytes], raw);
    if (again.failed) {
      throw new Error("Frames cannot be read that were written");
    }
    if (flatten(again.frames) !== flatten(known)) {
      throw new Error("Frames are others when they were written and read");
    }
  }
}

async function encode(
  frames: readonly KnownFrame[],
  raw: boolean,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const sink = new FrameWritableStream(
    new WritableStream({
      write(chunk) {
        chunks.push(chunk);
      },
    }),
  );
  sink.raw = raw;
  const writer = sink.getWriter();
  for (const frame of frames) await writer.write(frame);
  return Buffer.concat(chunks);
}
