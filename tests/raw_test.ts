import {
  assert,
  assertEquals,
  assertFalse,
  assertGreater,
  assertLess,
  assertStringIncludes,
} from "@std/assert";
import { Buffer } from "node:buffer";
import { type Agent, startAgent } from "./_agent.ts";
import { AT_ONCE, bounded, until, untilStalled } from "./_bounded.ts";
import { type ClientOptions, type ClientOutput, runClient } from "./_client.ts";
import { Peer } from "./_peer.ts";
import {
  membersOf,
  processStat,
  residentBytes,
  writtenBytes,
} from "./_proc.ts";
import {
  dataFrame,
  decodeData,
  randomBytes,
  rawFrame,
  sha256,
  text,
  type Wire,
  type WireFrame,
} from "./_wire.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** The longest frame allowed, its line and its bytes together. */
const MAX_FRAME = 8 * MIB;
/** How much a session may cost, with the runtime's own ups and downs, in bytes. */
const MEMORY_BOUND = 64 * MIB;
/** Around where the sender joins line and bytes, and around what it reads at most. */
const SIZES = [0, 1, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, 256 * KIB, 5 * MIB];

const CLOSE: WireFrame = { type: "stdin_close" };

/** Begins a session that has asked for the extension, and reads its answer. */
async function openRaw(
  agent: Agent,
  argv: readonly string[],
  { features = [], ...fields }: { features?: string[]; tty?: unknown } = {},
): Promise<{ wire: Wire; pid: number; started: WireFrame }> {
  const wire = await agent.open({
    ...{ type: "exec", argv, features: ["raw", ...features], ...fields },
  });
  wire.raw = true;
  const started = await wire.expect("started");
  return { wire, pid: started["pid"] as number, started };
}

/** Checks that the session ends as it does when the protocol is broken. */
async function assertBroken(wire: Wire, pid: number): Promise<string> {
  const { end } = await wire.readSession();
  assertEquals([end.type, end["code"]], ["error", "protocol"]);
  await assertKilled(pid);
  return end["message"] as string;
}

async function assertKilled(group: number): Promise<void> {
  await until(
    () => membersOf(group).length === 0,
    () => `the end of ${JSON.stringify(membersOf(group))}`,
    AT_ONCE,
  );
}

/** Returns random bytes with a newline in every place but some. */
function bytesWithNewlines(length: number): Uint8Array {
  return randomBytes(length).map((byte) => byte % 4 === 0 ? 10 : byte);
}

/** Sends bytes in raw frames. */
async function sendRaw(
  wire: Wire,
  bytes: Uint8Array,
  most = 256 * KIB,
): Promise<void> {
  for (let at = 0; at < bytes.length; at += most) {
    await wire.send(rawFrame("stdin", bytes.subarray(at, at + most)));
  }
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
  "serve kills the child and answers with a protocol error when a size is none, or too large",
  bounded(async (t) => {
    await using agent = await startAgent();
    const sizes = [
      ...["-1", "1.5", '"2"', "true", "[]", "{}", "1e300", "8388577"],
      ...["8388608", "4294967297", "9007199254740993"],
    ];
    for (const size of sizes) {
      await t.step(size, async () => {
        const { wire, pid } = await openRaw(agent, [
          ...["sh", "-c", "sleep 60 & sleep 60"],
        ]);
        using _ = wire;
        // At once: the bytes needn't come.
        await wire.send(`{"type":"stdin","size":${size}}\n`);
        const message = await assertBroken(wire, pid);
        assertStringIncludes(message, 'Cannot parse frame "stdin": ');
      });
    }
    await t.step("fewer than follow", async () => {
      const { wire, pid } = await openRaw(agent, ["sleep", "60"]);
      using _ = wire;
      await wire.send('{"type":"stdin","size":2}\nabc\n');
      await assertBroken(wire, pid);
    });
    assertEquals(text((await agent.exec(["echo", "alive"])).stdout), "alive\n");
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
  "serve counts raw stdin against the window, and gives credit back for it",
  bounded(async () => {
    await using agent = await startAgent();
    const { wire, started } = await openRaw(agent, ["sha256sum"], {
      features: ["flow"],
    });
    using _ = wire;
    const window = started["window"] as number;
    assertGreater(window, 0);
    const bytes = randomBytes(20 * window + 1);
    let credit = window;
    let sent = 0;
    let output = "";
    while (sent < bytes.length) {
      // All that is allowed in one frame, or else in many.
      const most = sent === 0 ? window : 30_011;
      while (credit > 0 && sent < bytes.length) {
        const size = Math.min(credit, most, bytes.length - sent);
        await wire.send(rawFrame("stdin", bytes.subarray(sent, sent + size)));
        sent += size;
        credit -= size;
      }
      if (sent === bytes.length) break;
      credit += (await wire.expect("window"))["bytes"] as number;
      // More than was sent would mean that something was counted twice.
      assertLess(credit, window + 1);
    }
    await wire.send(CLOSE);
    for (;;) {
      const frame = await wire.read();
      if (frame?.type === "exit") break;
      if (frame?.type === "stdout") output += text(decodeData(frame));
      else assertEquals(frame?.type, "window");
    }
    assertEquals(output, `${await sha256(bytes)}  -\n`);
  }),
);

Deno.test(
  "serve kills the child when a client sends more than the window in raw frames",
  bounded(async (t) => {
    await using agent = await startAgent();
    const open = async () => {
      const session = await openRaw(agent, ["sleep", "60"], {
        features: ["flow", "signals"],
      });
      // So that nothing gives credit back but what the pipe holds.
      const window = session.started["window"] as number;
      return { ...session, window };
    };
    await t.step("in one frame", async () => {
      const { wire, pid, window } = await open();
      using _ = wire;
      await wire.trySend([rawFrame("stdin", new Uint8Array(4 * window))]);
      assertStringIncludes(await assertBroken(wire, pid), "window");
    });
    await t.step("in many", async () => {
      const { wire, pid, window } = await open();
      using _ = wire;
      const frame = rawFrame("stdin", new Uint8Array(window / 8));
      await wire.trySend(Array(32).fill(frame));
      assertStringIncludes(await assertBroken(wire, pid), "window");
    });
    await t.step("in raw ones and others", async () => {
      const { wire, pid, window } = await open();
      using _ = wire;
      const data = new Uint8Array(window / 8);
      const frames = [rawFrame("stdin", data), dataFrame("stdin", data)];
      await wire.trySend(Array(16).fill(frames).flat());
      assertStringIncludes(await assertBroken(wire, pid), "window");
    });
    await t.step("and not when it spends all of it", async () => {
      const { wire, window } = await open();
      using _ = wire;
      await wire.send(rawFrame("stdin", new Uint8Array(window)));
      await wire.send({ type: "signal", signal: "SIGUSR1" });
      const { end } = await wire.readSession();
      assertEquals(end["signal"], "SIGUSR1");
    });
  }),
);

Deno.test(
  "serve sees a signal at once behind thousands of tiny raw frames, and keeps little of them",
  bounded(async () => {
    await using agent = await startAgent();
    const count = 100_000;
    const many = Buffer.concat(Array(1000).fill(rawFrame("stdin", "x")));
    const wires: Wire[] = [];
    using _ = { [Symbol.dispose]: () => wires.forEach((wire) => wire.close()) };
    const fill = async () => {
      const { wire, pid } = await openRaw(agent, ["sleep", "60"], {
        features: ["flow", "signals"],
      });
      wires.push(wire);
      for (let sent = 0; sent < count; sent += 1000) await wire.send(many);
      // By the time that this is done, all of them were taken.
      await wire.send({ type: "signal", signal: "SIGSTOP" });
      await until(() => processStat(pid)?.state === "T", "the child to stop");
    };
    // The first ones leave garbage behind, as any would.
    await fill();
    await fill();
    const before = residentBytes(agent.pid);
    const times = 8;
    for (let i = 0; i < times; i++) await fill();
    // Kept as they came they take more than 400 bytes each.
    assertLess(residentBytes(agent.pid) - before, times * count * 200);
  }),
);

Deno.test(
  "serve holds the client up when the child doesn't read a raw frame",
  bounded(async () => {
    await using agent = await startAgent();
    const { wire, pid } = await openRaw(agent, ["wc", "-c"]);
    using _ = wire;
    Deno.kill(pid, "SIGSTOP");
    await until(() => processStat(pid)?.state === "T", "the child to stop");
    const before = residentBytes(agent.pid);
    let sent = 0;
    const sending = (async () => {
      for (; sent < 32 * MIB; sent += MIB) {
        await wire.send(rawFrame("stdin", new Uint8Array(MIB)));
      }
      await wire.send(CLOSE);
    })();
    sending.catch(() => {});
    assertLess(await untilStalled(() => sent, "the client's stdin"), 8 * MIB);
    assertLess(residentBytes(agent.pid) - before, MEMORY_BOUND);
    assertEquals(text((await agent.exec(["echo", "on"])).stdout), "on\n");
    Deno.kill(pid, "SIGCONT");
    const { stdout, end } = await wire.readSession();
    await sending;
    assertEquals(text(stdout), `${32 * MIB}\n`);
    assertEquals(end, { type: "exit" });
  }),
);

Deno.test(
  "serve kills the child's group at once when the client is lost within a raw frame",
  bounded(async (t) => {
    await using agent = await startAgent();
    for (const features of [[], ["flow"]]) {
      for (
        const [name, part] of [
          ["its line", '{"type":"stdin","si'],
          ["none of its bytes", '{"type":"stdin","size":100}\n'],
          ["some of its bytes", '{"type":"stdin","size":100}\nsome'],
        ] as const
      ) {
        await t.step(`after ${name} ${features}`, async () => {
          const { wire, pid } = await openRaw(agent, [
            ...["sh", "-c", "trap '' HUP TERM; cat; sleep 60 & sleep 60"],
          ], { features });
          await wire.send(part);
          if (part.endsWith("some")) {
            assertEquals(text(decodeData(await wire.expect("stdout"))), "some");
          }
          wire.close();
          await assertKilled(pid);
        });
      }
    }
    await t.step("that the agent sends", async () => {
      const { wire, pid } = await openRaw(agent, [
        ...["cat", "/dev/zero"],
      ]);
      wire.raw = false;
      assertEquals((await wire.read())?.type, "stdout");
      wire.close();
      await assertKilled(pid);
    });
  }),
);

Deno.test(
  "serve takes a half-close within a raw frame for the end of stdin",
  bounded(async (t) => {
    await using agent = await startAgent();
    for (const features of [[], ["flow"]]) {
      for (
        const [part, expected] of [
          ['{"type":"stdin","size":100}\n', "a"],
          ['{"type":"stdin","size":100}\nsome\n', "asome\n"],
        ] as const
      ) {
        await t.step(`${JSON.stringify(part)} ${features}`, async () => {
          const { wire } = await openRaw(agent, [
            ...["sh", "-c", "cat; echo end >&2; exit 3"],
          ], { features });
          using _ = wire;
          await wire.send(rawFrame("stdin", "a"));
          await wire.send(part);
          await wire.closeWrite();
          const { stdout, stderr, end } = await wire.readSession();
          assertEquals([text(stdout), text(stderr)], [expected, "end\n"]);
          assertEquals(end, { type: "exit", exit_code: 3 });
        });
      }
    }
  }),
);

Deno.test(
  "serve ends the session in order when the child ends within a raw frame",
  bounded(async (t) => {
    await using agent = await startAgent();
    for (const features of [[], ["flow"]]) {
      await t.step(
        `with ${features.length > 0 ? features : "raw alone"}`,
        async () => {
          const { wire } = await openRaw(agent, [
            ...["sh", "-c", "head -c 4; exit 4"],
          ], { features });
          using _ = wire;
          await wire.send('{"type":"stdin","size":100000}\nsome');
          const { stdout, end } = await wire.readSession();
          assertEquals(text(stdout), "some");
          assertEquals(end, { type: "exit", exit_code: 4 });
        },
      );
    }
  }),
);

Deno.test(
  "serve sends an error behind the bytes of a raw frame, and never within",
  bounded(async () => {
    await using agent = await startAgent();
    const { wire, pid } = await openRaw(agent, ["yes"]);
    using _ = wire;
    // Nobody reads, so it is held up in the middle of a frame when it learns.
    await untilStalled(() => writtenBytes(pid), "the child's output");
    await wire.send("nonsense\n");
    const { stdout, end } = await wire.readSession();
    assertEquals([end.type, end["code"]], ["error", "protocol"]);
    assertEquals(text(stdout).replaceAll("y\n", ""), "");
    await assertKilled(pid);
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

Deno.test(
  "client speaks raw by default, and doesn't with --no-raw",
  bounded(async (t) => {
    await using agent = await startAgent();
    const bytes = randomBytes(3 * MIB + 7);
    const command = ["sh", "-c", "cat; printf err >&2; exit 6"];
    for (
      const [flags, framing] of [[[], "size"], [["--no-raw"], "data"]] as const
    ) {
      await t.step(["client", ...flags].join(" "), async () => {
        const { output, up, down } = await record(agent, flags, command, {
          stdin: new Blob([bytes as Uint8Array<ArrayBuffer>]).stream(),
        });
        const { code, bytes: echoed, stderr } = output;
        assertEquals([code, stderr], [6, "err"]);
        assertEquals(await sha256(echoed), await sha256(bytes));
        assertEquals(up, new Set([`stdin ${framing}`]));
        assertEquals(
          down,
          new Set([`stdout ${framing}`, `stderr ${framing}`]),
        );
      });
    }
    await t.step("with an agent that knows no raw", async () => {
      await using peer = new Peer(async (wire) => {
        wire.raw = true;
        assertEquals((await wire.expect("exec"))["features"], [
          ...["signals", "flow", "raw", "usage"],
        ]);
        await wire.send({ type: "started", pid: 7 });
        const frame = await wire.expect("stdin");
        assertFalse("size" in frame, wire.lastLine);
        await wire.send(dataFrame("stdout", decodeData(frame)));
        await wire.expect("stdin_close");
        await wire.send({ type: "exit" });
      });
      const { code, stdout } = await runClient(
        ["--unix", peer.path, "--", "cat"],
        { stdin: "hi" },
      );
      assertEquals([code, stdout], [0, "hi"]);
    });
  }),
);

Deno.test(
  "client takes frames with data between raw ones, wherever they are cut",
  bounded(async () => {
    const session = Buffer.concat([
      Buffer.from('{"type":"started","pid":7,"features":["raw"]}\n'),
      rawFrame("stdout", 'a\n{"type":"exit","exit_code":9}\n'),
      Buffer.from('{"type":"stdout","data":"Yg=="}\n{"type":"stdout"}\n'),
      rawFrame("stderr", "c\n"),
      rawFrame("stderr", ""),
      Buffer.from('{ "size": 2, "type": "stdout" }\r\n\r\n'),
      Buffer.from('{"type":"exit","exit_code":2}\n'),
    ]);
    await using peer = new Peer(async (wire) => {
      await wire.read();
      for (const byte of session) await wire.send(Uint8Array.of(byte));
    });
    const { code, stdout, stderr } = await runClient([
      ...["--unix", peer.path, "--", "x"],
    ]);
    assertEquals(stdout, 'a\n{"type":"exit","exit_code":9}\nb\r\n');
    assertEquals([code, stderr], [2, "c\n"]);
  }),
);

/** Runs a client through a proxy, and tells how data went both ways. */
async function record(
  agent: Agent,
  flags: readonly string[],
  command: readonly string[],
  options: ClientOptions,
): Promise<{ output: ClientOutput; up: Set<string>; down: Set<string> }> {
  const chunks = { up: [] as Uint8Array[], down: [] as Uint8Array[] };
  let output: ClientOutput;
  {
    await using proxy = new Peer(async (client) => {
      using guest = await agent.connect();
      await Promise.all([
        client.forwardTo(guest, (chunk) => chunks.up.push(chunk)),
        guest.forwardTo(client, (chunk) => chunks.down.push(chunk)),
      ]);
    });
    output = await runClient(
      ["--unix", proxy.path, ...flags, "--", ...command],
      options,
    );
  }
  const framingsOf = (bytes: Buffer) =>
    new Set(
      bytes.toString("latin1")
        .matchAll(/\{"type":"(std\w+)","(size|data)":/g)
        .map(([, type, field]) => `${type} ${field}`),
    );
  return {
    output,
    up: framingsOf(Buffer.concat(chunks.up)),
    down: framingsOf(Buffer.concat(chunks.down)),
  };
}

/** Tells which field data came by, or which ones. */
function framings(frames: readonly WireFrame[]): string[] {
  const fields = frames
    .filter(({ type }) => type === "stdout" || type === "stderr")
    .map((frame) => "size" in frame ? "size" : "data");
  return Array.from(new Set(fields)).toSorted();
}
