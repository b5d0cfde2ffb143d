import { assert, assertEquals, assertGreater } from "@std/assert";
import { Buffer } from "node:buffer";
import { startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import { assertBroken, CLOSE, openRaw, sendRaw } from "./_raw.ts";
import {
  dataFrame,
  decodeData,
  randomBytes,
  rawFrame,
  sha256,
  text,
  type WireFrame,
} from "./_wire.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** The longest frame allowed, its line and its bytes together. */
const MAX_FRAME = 8 * MIB;
/** Around where the sender joins line and bytes, and around what it reads at most. */
const SIZES = [0, 1, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, 256 * KIB, 5 * MIB];

/** Returns random bytes with a newline in every place but some. */
function bytesWithNewlines(length: number): Uint8Array {
  return randomBytes(length).map((byte) => byte % 4 === 0 ? 10 : byte);
}

Deno.test(
  "serve grants raw when it is asked for, and only then",
  bounded(async (t) => {
    await using agent = await startAgent();
    const script = "echo out; echo err >&2";
    const open = async (features?: readonly string[]) => {
      const argv = ["sh", "-c", script];
      const wire = await agent.open({
        ...{ type: "exec", argv, ...(features && { features }) },
      });
      wire.raw = true;
      return wire;
    };
    for (const features of [["raw"], ["x-unknown", "raw", "raw"]]) {
      await t.step(`asked by ${features}`, async () => {
        using wire = await open(features);
        const { frames, stdout, stderr } = await wire.readSession();
        assertEquals(frames[0]!["features"], ["raw"]);
        assertEquals([text(stdout), text(stderr)], ["out\n", "err\n"]);
        assertEquals(framings(frames), ["size"]);
      });
    }
    for (const features of [undefined, [], ["signals"], ["RAW"]]) {
      await t.step(`not asked by ${features ?? "nothing"}`, async () => {
        using wire = await open(features);
        const { frames, stdout, stderr } = await wire.readSession();
        const granted = frames[0]!["features"] as string[] | undefined;
        assertEquals(granted?.includes("raw") ?? false, false);
        assertEquals([text(stdout), text(stderr)], ["out\n", "err\n"]);
        assertEquals(framings(frames), ["data"]);
      });
    }
    await t.step("with all the others", async () => {
      const { wire, started } = await openRaw(agent, ["true"], {
        features: ["flow", "signals"],
        tty: { rows: 24, cols: 80 },
      });
      using _ = wire;
      assertEquals(
        (started["features"] as string[]).toSorted(),
        ["flow", "raw", "signals", "tty"],
      );
      assertEquals((await wire.readSession()).end, { type: "exit" });
    });
  }),
);

Deno.test(
  "serve passes raw stdin to the child and its output back, unchanged",
  bounded(async (t) => {
    await using agent = await startAgent();
    for (const size of SIZES) {
      await t.step(`${size} bytes`, async () => {
        const bytes = bytesWithNewlines(size);
        const { wire } = await openRaw(agent, ["cat"]);
        using _ = wire;
        const sending = async () => {
          // One frame, whatever its size.
          await wire.send(rawFrame("stdin", bytes));
          await wire.send(CLOSE);
        };
        const [{ frames, stdout, stderr, end }] = await Promise.all([
          wire.readSession(),
          sending(),
        ]);
        assertEquals([stdout.length, stderr.length], [size, 0]);
        assertEquals(await sha256(stdout), await sha256(bytes));
        assertEquals(framings(frames), size > 0 ? ["size"] : []);
        assertEquals(end, { type: "exit" });
      });
    }
  }),
);

Deno.test(
  "serve passes 20 MiB through cat unchanged when both ways are raw",
  bounded(async () => {
    await using agent = await startAgent();
    const bytes = randomBytes(20 * MIB);
    const { wire } = await openRaw(agent, ["cat"]);
    using _ = wire;
    const sending = async () => {
      // No multiple of any buffer's size, so that frames are cut all over.
      await sendRaw(wire, bytes, 100_003);
      await wire.send(CLOSE);
    };
    const [{ stdout, end }] = await Promise.all([
      wire.readSession(),
      sending(),
    ]);
    assertEquals(stdout.length, bytes.length);
    assertEquals(await sha256(stdout), await sha256(bytes));
    assertEquals(end, { type: "exit" });
  }),
);

Deno.test(
  "serve keeps stdout and stderr apart when both are raw",
  bounded(async () => {
    await using agent = await startAgent();
    const [out, err] = [randomBytes(3 * MIB), randomBytes(3 * MIB + 1)];
    await Deno.writeFile(`${agent.folder}/out`, out);
    await Deno.writeFile(`${agent.folder}/err`, err);
    const { wire } = await openRaw(agent, [
      ...["sh", "-c", "cat out & cat err >&2; wait"],
    ]);
    using _ = wire;
    const { frames, stdout, stderr, end } = await wire.readSession();
    assertEquals(await sha256(stdout), await sha256(out));
    assertEquals(await sha256(stderr), await sha256(err));
    assertEquals(end, { type: "exit" });
    // Interleaved, or else nothing was tested.
    const types = frames.map(({ type }) => type);
    assertGreater(types.lastIndexOf("stdout"), types.indexOf("stderr"));
    assertGreater(types.lastIndexOf("stderr"), types.indexOf("stdout"));
  }),
);

Deno.test(
  "serve reads raw frames that come a byte at a time",
  bounded(async () => {
    await using agent = await startAgent();
    const data = '\n{"type":"stdin_close"}\n\0\xff';
    const { wire } = await openRaw(agent, ["cat"]);
    using _ = wire;
    const session = Buffer.concat([
      rawFrame("stdin", Buffer.from(data, "latin1")),
      Buffer.from('{ "size" : 3 , "type" : "stdin" }\r\n\r\nx'),
      Buffer.from('{"type":"stdin_close"}\n'),
    ]);
    for (const byte of session) await wire.send(Uint8Array.of(byte));
    const { stdout, end } = await wire.readSession();
    assertEquals(Buffer.from(stdout).toString("latin1"), `${data}\r\nx`);
    assertEquals(end, { type: "exit" });
  }),
);

Deno.test(
  "serve reads a raw frame that comes in two parts, wherever it is cut",
  bounded(async () => {
    await using agent = await startAgent();
    const session = Buffer.concat([
      rawFrame("stdin", "a\nb"),
      rawFrame("stdin", ""),
      rawFrame("stdin", "\n"),
      Buffer.from('{"type":"stdin_close"}\n'),
    ]);
    const cuts = Array.from({ length: session.length - 1 }, (_, i) => i + 1);
    // A few at a time: each is a process.
    for (let at = 0; at < cuts.length; at += 20) {
      await Promise.all(
        cuts.slice(at, at + 20).map(async (cut) => {
          const { wire } = await openRaw(agent, ["cat"]);
          using _ = wire;
          await wire.send(session.subarray(0, cut));
          // By the time this is answered, the first part was read.
          await agent.exec(["true"]);
          await wire.send(session.subarray(cut));
          const { stdout, end } = await wire.readSession();
          assertEquals(text(stdout), "a\nb\n", `Cut at ${cut}`);
          assertEquals(end, { type: "exit" });
        }),
      );
    }
  }),
);

Deno.test(
  "serve takes frames with data and other frames between raw ones",
  bounded(async () => {
    await using agent = await startAgent();
    const { wire } = await openRaw(agent, ["cat"], { features: ["signals"] });
    using _ = wire;
    const frames = [
      rawFrame("stdin", "a"),
      dataFrame("stdin", "b"),
      { type: "stdin" },
      rawFrame("stdin", "c\n"),
      { type: "later", size: "odd" },
      // None of them may announce anything.
      { type: "resize", rows: 24, cols: 80, size: 5 },
      { type: "stdin", size: null, data: "ZA==" },
      rawFrame("stdin", ""),
      { type: "signal", signal: "SIGCONT" },
      // To a client they would be output, to an agent they are nothing.
      rawFrame("stdout", "not\n"),
      rawFrame("stderr", '{"type":"stdin_close"}\n'),
      dataFrame("stdin", "e"),
      CLOSE,
      // After stdin_close it is ignored, bytes and all.
      rawFrame("stdin", "{nonsense\n"),
      { type: "signal", signal: "SIGCONT" },
    ];
    await wire.trySend(frames);
    const { stdout, end } = await wire.readSession();
    assertEquals(text(stdout), "abc\nde");
    assertEquals(end, { type: "exit" });
  }),
);

Deno.test(
  "serve takes raw frames of 8 MiB",
  bounded(async () => {
    await using agent = await startAgent();
    const line = '{"type":"stdin","size":8388576}\n';
    assertEquals(line.length + 8388576, MAX_FRAME);
    const { wire } = await openRaw(agent, ["wc", "-c"]);
    using _ = wire;
    await wire.send(line);
    await wire.send(new Uint8Array(8388576));
    await wire.send(CLOSE);
    assertEquals(text((await wire.readSession()).stdout), "8388576\n");
  }),
);

Deno.test(
  "serve ignores a size when raw wasn't asked for",
  bounded(async (t) => {
    await using agent = await startAgent();
    await t.step("beside data, whatever it is", async () => {
      using wire = await agent.open({ type: "exec", argv: ["cat"] });
      await wire.send('{"type":"stdin","size":5,"data":"aGkK"}\n');
      await wire.send('{"type":"stdin","size":-1}\n');
      await wire.send('{"type":"stdin","size":"odd","data":"aG8K"}\n');
      await wire.send('{"type":"stdin","size":9000000}\n');
      await wire.send(CLOSE);
      const { stdout, end } = await wire.readSession();
      assertEquals(text(stdout), "hi\nho\n");
      assertEquals(end, { type: "exit" });
    });
    await t.step("so that bytes are no frame", async () => {
      using wire = await agent.open({ type: "exec", argv: ["sleep", "60"] });
      const pid = await wire.expectStarted();
      await wire.send('{"type":"stdin","size":6}\nhello\n');
      await assertBroken(wire, pid);
    });
  }),
);

Deno.test(
  "serve sends and takes raw frames on a terminal",
  bounded(async () => {
    await using agent = await startAgent();
    const script =
      "stty raw -echo; echo ready; head -c 300; stty size; exec cat >/dev/null";
    const { wire } = await openRaw(agent, ["sh", "-c", script], {
      features: ["signals", "flow"],
      tty: { rows: 24, cols: 80 },
    });
    using _ = wire;
    assertEquals(text(decodeData(await wire.expect("stdout"))), "ready\n");
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => i);
    await wire.send(rawFrame("stdin", bytes.subarray(0, 9)));
    await wire.send({ type: "resize", rows: 40, cols: 120 });
    await wire.send(rawFrame("stdin", bytes.subarray(9)));
    const shown: Buffer[] = [];
    let length = 0;
    while (length < bytes.length + "40 120\n".length) {
      const frame = await wire.expect("stdout");
      assert(frame.raw, wire.lastLine);
      length += shown[shown.push(decodeData(frame)) - 1]!.length;
    }
    const all = Buffer.concat(shown);
    assertEquals(new Uint8Array(all.subarray(0, bytes.length)), bytes);
    assertEquals(text(all.subarray(bytes.length)), "40 120\n");
    await wire.send({ type: "signal", signal: "SIGTERM" });
    assertEquals((await wire.readSession()).end["signal"], "SIGTERM");
  }),
);

Deno.test(
  "serve ends a terminal's input by stdin_close behind a raw frame",
  bounded(async () => {
    await using agent = await startAgent();
    const { wire } = await openRaw(agent, [
      "sh",
      "-c",
      "stty -echo; echo ready; cat",
    ], {
      tty: { rows: 24, cols: 80 },
    });
    using _ = wire;
    assertEquals(text(decodeData(await wire.expect("stdout"))), "ready\r\n");
    await wire.send(rawFrame("stdin", "no newline"));
    await wire.send(CLOSE);
    const { stdout, end } = await wire.readSession();
    assertEquals(text(stdout), "no newline");
    assertEquals(end, { type: "exit" });
  }),
);

/** Tells which field data came by, or which ones. */
function framings(frames: readonly WireFrame[]): string[] {
  const fields = frames
    .filter(({ type }) => type === "stdout" || type === "stderr")
    .map((frame) => "size" in frame ? "size" : "data");
  return Array.from(new Set(fields)).toSorted();
}
