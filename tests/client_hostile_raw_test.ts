import {
  assert,
  assertEquals,
  assertLess,
  assertLessOrEqual,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Buffer } from "node:buffer";
import {
  ConnectionError,
  output,
  ProtocolError,
  spawn,
} from "../client/mod.ts";
import { until, untilStalled } from "./_bounded.ts";
import { runClient, startClient } from "./_client.ts";
import { leakless } from "./_leakless.ts";
import { answerWith, Peer } from "./_peer.ts";
import { residentBytes } from "./_proc.ts";
import { dataFrame, rawFrame, text } from "./_wire.ts";

const STARTED = '{"type":"started","pid":7}\n';
const GRANTED = '{"type":"started","pid":7,"features":["raw"]}\n';
const KIB = 1024;
const MIB = 1024 * KIB;
const EXIT = '{"type":"exit"}\n';
const BROKE = "The connection to the agent broke";

/** Runs a command to its end, and returns its stdout. */
async function read(peer: Peer, raw: boolean): Promise<string> {
  await using process = await spawn({ unix: peer.path }, ["x"], { raw });
  const [stdout] = await Promise.all([
    new Response(process.stdout).text(),
    process.status,
  ]);
  return stdout;
}

Deno.test(
  "spawn() ignores a size when raw isn't granted",
  async (t) => {
    await leakless(async () => {
      const cases: [name: string, started: string, raw: boolean][] = [
        ["that was asked for", STARTED, true],
        ["that wasn't asked for", STARTED, false],
        ["that is granted unasked", GRANTED, false],
      ];
      for (const [name, started, raw] of cases) {
        await t.step(
          name,
          leakless(async () => {
            // With the answer, and behind it.
            const frames = '{"type":"stdout","size":7,"data":"YQ=="}\n' +
              '{"type":"stdout","size":-1,"data":"Yg=="}\n';
            await using peer = answerWith(started + frames, frames, EXIT);
            assertEquals(await read(peer, raw), "abab");
          }),
        );
        await t.step(
          `${name}, with bytes`,
          leakless(async () => {
            await using peer = answerWith(
              started,
              rawFrame("stdout", "hello\n"),
              EXIT,
            );
            await assertRejects(
              () => read(peer, raw),
              ProtocolError,
              "not valid JSON",
            );
          }),
        );
      }
    })(t);
  },
);

Deno.test(
  "output() rejects when the agent breaks the protocol in a raw frame",
  async (t) => {
    await leakless(async () => {
      // deno-lint-ignore no-explicit-any -- as assertRejects() has it
      type ErrorClass = new (...args: any[]) => Error;
      const cases: [name: string, answer: string, type: ErrorClass][] = [
        ...["-1", "1.5", '"2"', "[]", "1e300", "8388608", "9007199254740993"]
          .map((size): [string, string, ErrorClass] => [
            `size ${size}`,
            `${GRANTED}{"type":"stdout","size":${size}}\n`,
            ProtocolError,
          ]),
        [
          "a raw frame before started",
          `${rawFrame("stdout", "hi\n")}`,
          ProtocolError,
        ],
        [
          "fewer bytes than follow",
          `${GRANTED}{"type":"stdout","size":1}\nab\n`,
          ProtocolError,
        ],
        [
          "a close behind the line",
          `${GRANTED}{"type":"stdout","size":5}\n`,
          ConnectionError,
        ],
        [
          "a close within the bytes",
          `${GRANTED}{"type":"stdout","size":5}\nhi`,
          ConnectionError,
        ],
        [
          "an exit within the bytes",
          `${GRANTED}{"type":"stdout","size":100}\n${EXIT}`,
          ConnectionError,
        ],
      ];
      for (const [name, answer, type] of cases) {
        await t.step(
          name,
          leakless(async () => {
            await using peer = answerWith(answer);
            await assertRejects(() => output({ unix: peer.path }, ["x"]), type);
          }),
        );
      }
    })(t);
  },
);

Deno.test(
  "client exits with 125 when the agent breaks the protocol in a raw frame",
  leakless(async () => {
    const bytes = `${GRANTED}{"type":"stdout","size":5}\nhi`;
    const cases: [flags: string[], answer: string, message: string][] = [
      [[], `${GRANTED}{"type":"stdout","size":9000000}\n`, "8388608"],
      [[], bytes, BROKE],
      [["--no-raw"], bytes, BROKE],
      [["--no-raw"], `${bytes}xyz\n`, "not valid JSON"],
    ];
    await Promise.all(cases.map(async ([flags, answer, message]) => {
      await using peer = answerWith(answer);
      const { code, stdout, stderr } = await runClient([
        ...["--unix", peer.path, ...flags, "--", "x"],
      ]);
      // What came in full before it was output.
      const printed = flags.length === 0 && answer === bytes ? "hi" : "";
      assertEquals([code, stdout], [125, printed], stderr);
      assertStringIncludes(stderr, message);
      assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
    }));
  }),
);

Deno.test(
  "output() ignores raw frames that are none of its business",
  leakless(async () => {
    await using peer = answerWith(
      GRANTED,
      rawFrame("stdin", '{"type":"exit","exit_code":9}\n'),
      rawFrame("stdout", "a"),
      '{"type":"window","bytes":7,"size":3}\n',
      EXIT,
      rawFrame("stdout", "behind the end"),
    );
    const { code, stdout } = await output({ unix: peer.path }, ["x"]);
    assertEquals([code, text(stdout)], [0, "a"]);
  }),
);

Deno.test(
  "output() rejects with a RangeError when there is more raw output than wanted",
  leakless(async () => {
    // It never ends by itself.
    await using peer = new Peer(async (wire) => {
      await wire.read();
      await wire.send(GRANTED);
      const frame = rawFrame("stdout", new Uint8Array(64 * KIB));
      await wire.trySend(Array(1000).fill(frame));
    });
    await assertRejects(
      () => output({ unix: peer.path }, ["x"], { maxBytes: MIB }),
      RangeError,
    );
  }),
);

Deno.test(
  "spawn() can kill a command within a raw frame",
  leakless(async () => {
    await using peer = new Peer(async (wire, closing) => {
      await wire.read();
      await wire.send(`${GRANTED}{"type":"stdout","size":5}\nhi`);
      await closing;
    });
    await using process = await spawn({ unix: peer.path }, ["x"]);
    const reader = process.stdout.getReader();
    assertEquals(text((await reader.read()).value!), "hi");
    process.kill("SIGKILL");
    assertEquals((await process.status).code, 137);
  }),
);

Deno.test(
  "spawn() holds an agent up that sends more raw output than is read",
  async (t) => {
    await leakless(async () => {
      const cases: [name: string, data: Uint8Array, most: number][] = [
        ["in large frames", new Uint8Array(MIB), 4 * MIB],
        ["in frames of a byte each", new Uint8Array(1), 50_000],
      ];
      for (const [name, data, most] of cases) {
        await t.step(
          name,
          leakless(async () => {
            let sent = 0;
            await using peer = new Peer(async (wire) => {
              await wire.read();
              await wire.send(GRANTED);
              const frame = rawFrame("stdout", data);
              // About 1 MiB at a time at most.
              const count = Math.ceil(1000 / data.length);
              const frames = Buffer.concat(Array(count).fill(frame));
              await wire.trySend((function* () {
                for (; sent < 64 * MIB; sent += count * data.length) {
                  yield frames;
                }
              })());
            });
            await using process = await spawn({ unix: peer.path }, ["x"]);
            assertLess(await untilStalled(() => sent, "the agent"), most);
            process.kill("SIGKILL");
            assertEquals((await process.status).code, 137);
          }),
        );
      }
    })(t);
  },
);

Deno.test(
  "spawn() keeps nothing of raw frames without bytes",
  leakless(async () => {
    await using peer = new Peer(async (wire) => {
      await wire.read();
      await wire.send(GRANTED);
      const frames = '{"type":"stdout","size":0}\n{"type":"stderr","size":0}\n';
      for (let i = 0; i < 100; i++) {
        await wire.trySend([frames.repeat(1000)]);
      }
      await wire.trySend([rawFrame("stdout", "end"), EXIT]);
    });
    await using process = await spawn({ unix: peer.path }, ["x"]);
    // Nobody reads, and all the same the end comes.
    assertEquals((await process.status).code, 0);
    assertEquals(await new Response(process.stdout).text(), "end");
  }),
);

Deno.test(
  "spawn() keeps no more memory than small pieces need that come with much else",
  leakless(async () => {
    const pieces = 200;
    await using peer = new Peer(async (wire) => {
      await wire.read();
      await wire.send(GRANTED);
      // A line that is read in one chunk with the piece, and thrown away.
      const rest = `${
        JSON.stringify({ type: "x", pad: "x".repeat(60_000) })
      }\n`;
      for (let i = 0; i < pieces; i++) {
        await wire.send(Buffer.concat([
          Buffer.from(rawFrame("stdout", "piece")),
          Buffer.from(rest),
        ]));
      }
      await wire.send(EXIT);
    });
    await using process = await spawn({ unix: peer.path }, ["x"]);
    // All of them wait here until they are read.
    assertEquals((await process.status).code, 0);
    const buffers = new Set<ArrayBufferLike>();
    let length = 0;
    for await (const piece of process.stdout) {
      buffers.add(piece.buffer);
      length += piece.length;
    }
    assertEquals(length, pieces * "piece".length);
    const held = Array.from(buffers, (buffer) => buffer.byteLength)
      .reduce((sum, bytes) => sum + bytes);
    assertLessOrEqual(held, 4 * length);
  }),
);

Deno.test(
  "client needs no more memory for millions of raw frames of nothing and little",
  leakless(async () => {
    const tiny = Buffer.from(rawFrame("stdout", "x"));
    const empty = Buffer.from(rawFrame("stderr", ""));
    // Mostly empty ones, as each of the others is a write to stdout.
    const some = Buffer.concat(
      Array(200).fill(Buffer.concat([tiny, ...Array(49).fill(empty)])),
    );
    const halfway = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    await using peer = new Peer(async (wire) => {
      await wire.expect("exec");
      await wire.send(GRANTED);
      // Unread, it would break the connection at the end.
      await wire.expect("stdin_close");
      for (let i = 0; i < 200; i++) {
        await wire.trySend([some]);
        if (i !== 40) continue;
        halfway.resolve();
        await goOn.promise;
      }
      await wire.trySend([dataFrame("stdout", "end"), EXIT]);
    });
    await using client = startClient(["--unix", peer.path, "--", "x"]);
    await halfway.promise;
    const before = residentBytes(client.pid);
    goOn.resolve();
    let most = 0;
    const watched = until(() => {
      try {
        most = Math.max(most, residentBytes(client.pid));
        return false;
      } catch {
        // It has ended.
        return true;
      }
    }, "the end of the client");
    const { code, stdout, stderr } = await client.output();
    await watched;
    assertEquals([code, stdout.length, stderr], [
      0,
      200 * 200 + "end".length,
      "",
    ]);
    assert(most > 0);
    // Kept, they would take a hundred bytes each and more.
    assertLess(most - before, 120 * MIB);
  }),
);
