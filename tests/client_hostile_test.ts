import {
  assert,
  assertEquals,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  AgentError,
  ConnectionError,
  info,
  output,
  ProtocolError,
  spawn,
} from "../client/mod.ts";
import { untilStalled } from "./_bounded.ts";
import { runClient } from "./_client.ts";
import { leakless } from "./_leakless.ts";
import { answerWith, Peer } from "./_peer.ts";
import { dataFrame, text } from "./_wire.ts";

const STARTED = '{"type":"started","pid":7}\n';
const MIB = 1024 * 1024;

Deno.test(
  "output() rejects when the agent breaks the protocol",
  async (t) => {
    await leakless(async () => {
      // deno-lint-ignore no-explicit-any -- as assertRejects() has it
      type ErrorClass = new (...args: any[]) => Error;
      const cases: [name: string, answer: string, type: ErrorClass][] = [
        ["garbage", "garbage\n", ProtocolError],
        ["garbage after started", `${STARTED}garbage\n`, ProtocolError],
        ["an array", `${STARTED}[]\n`, ProtocolError],
        ["no process id", '{"type":"started"}\n', ProtocolError],
        [
          "a text for a process id",
          '{"type":"started","pid":"7"}\n',
          ProtocolError,
        ],
        ["output before started", '{"type":"stdout"}\n', ProtocolError],
        ["an exit before started", '{"type":"exit"}\n', ProtocolError],
        [
          "exit code 70000",
          `${STARTED}{"type":"exit","exit_code":70000}\n`,
          ProtocolError,
        ],
        [
          "exit code 256",
          `${STARTED}{"type":"exit","exit_code":256}\n`,
          ProtocolError,
        ],
        [
          "exit code -2",
          `${STARTED}{"type":"exit","exit_code":-2}\n`,
          ProtocolError,
        ],
        [
          "exit code 1.5",
          `${STARTED}{"type":"exit","exit_code":1.5}\n`,
          ProtocolError,
        ],
        [
          "broken base64",
          `${STARTED}{"type":"stdout","data":"#"}\n`,
          ProtocolError,
        ],
        [
          "a line of 9 MiB",
          `${STARTED}${" ".repeat(9 * MIB)}\n`,
          ProtocolError,
        ],
        ["a close at once", "", ConnectionError],
        ["a close after started", STARTED, ConnectionError],
        ["an error without a message", '{"type":"error"}\n', AgentError],
        [
          "a code unknown",
          '{"type":"error","message":"x","code":"odd"}\n',
          AgentError,
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
      for (
        const [name, answer] of [
          ["a close within a line", `${STARTED}{"type":"std`],
          ["a close within the first line", '{"type":"star'],
        ] as const
      ) {
        await t.step(
          name,
          leakless(async () => {
            await using peer = answerWith(answer);
            const error = await assertRejects(
              () => output({ unix: peer.path }, ["x"]),
              Error,
            );
            assert(
              error instanceof ProtocolError ||
                error instanceof ConnectionError,
              `${error}`,
            );
          }),
        );
      }
    })(t);
  },
);

Deno.test(
  "output() takes the first terminal frame for the end, whatever follows",
  leakless(async () => {
    await using peer = answerWith(
      STARTED,
      '{"type":"stdout","data":"YQ=="}\n',
      '{"type":"exit","exit_code":3,"signal":"SIGODD"}\n',
      '{"type":"stdout","data":"Yg=="}\n',
      '{"type":"exit"}\n{"type":"error","message":"no"}\n',
    );
    const { code, signal, stdout } = await output({ unix: peer.path }, ["x"]);
    assertEquals([code, signal, text(stdout)], [3, "SIGODD", "a"]);
  }),
);

Deno.test(
  "output() ignores frames that it doesn't know, or that are none of its business",
  leakless(async () => {
    await using peer = answerWith(
      STARTED,
      '{"type":"window","bytes":7}\n{"type":"stdout","data":"YQ==","x":1}\n',
      '{"type":"started","pid":8}\n{"type":"stdin","data":"Yg=="}\n',
      '{"type":"exit"}\n',
    );
    const { code, stdout } = await output({ unix: peer.path }, ["x"]);
    assertEquals([code, text(stdout)], [0, "a"]);
  }),
);

Deno.test(
  "output() rejects with a RangeError when there is more output than wanted",
  leakless(async () => {
    // It never ends by itself.
    await using peer = new Peer(async (wire) => {
      await wire.read();
      await wire.send(STARTED);
      const frame = dataFrame("stdout", new Uint8Array(64 * 1024));
      await wire.trySend(Array(1000).fill(frame));
    });
    await assertRejects(
      () => output({ unix: peer.path }, ["x"], { maxBytes: MIB }),
      RangeError,
    );
  }),
);

Deno.test(
  "spawn() holds an agent up that sends more than is read",
  leakless(async () => {
    let sent = 0;
    await using peer = new Peer(async (wire) => {
      await wire.read();
      await wire.send(STARTED);
      const frame = dataFrame("stdout", new Uint8Array(64 * 1024));
      await wire.trySend((function* () {
        for (; sent < 64 * MIB; sent += 64 * 1024) yield frame;
      })());
    });
    await using process = await spawn({ unix: peer.path }, ["x"]);
    const reader = process.stdout.getReader();
    assert((await reader.read()).value);
    assertLess(await untilStalled(() => sent, "the agent"), 4 * MIB);
    process.kill("SIGKILL");
    assertEquals((await process.status).code, 137);
  }),
);

Deno.test(
  "spawn() holds an agent up whose frames have a byte each",
  leakless(async () => {
    let sent = 0;
    await using peer = new Peer(async (wire) => {
      await wire.read();
      await wire.send(STARTED);
      const line = `${JSON.stringify(dataFrame("stdout", "x"))}\n`;
      await wire.trySend((function* () {
        for (; sent < 10 * MIB; sent += 1000) yield line.repeat(1000);
      })());
    });
    await using process = await spawn({ unix: peer.path }, ["x"]);
    assertLess(await untilStalled(() => sent, "the agent"), 50_000);
    process.kill("SIGKILL");
    assertEquals((await process.status).code, 137);
  }),
);

Deno.test(
  "spawn() keeps nothing of frames without data",
  leakless(async () => {
    await using peer = new Peer(async (wire) => {
      await wire.read();
      await wire.send(STARTED);
      const frames = '{"type":"stdout"}\n{"type":"stderr","data":""}\n';
      for (let i = 0; i < 100; i++) {
        await wire.trySend([frames.repeat(1000)]);
      }
      await wire.trySend([dataFrame("stdout", "end"), { type: "exit" }]);
    });
    await using process = await spawn({ unix: peer.path }, ["x"]);
    // Nobody reads, and all the same the end comes.
    assertEquals((await process.status).code, 0);
    assertEquals(await new Response(process.stdout).text(), "end");
  }),
);

Deno.test(
  "spawn() takes the cut line of an agent that dies for a broken connection",
  leakless(async () => {
    await using peer = answerWith(STARTED, '{"type":"stdout","data":"YQ');
    await using process = await spawn({ unix: peer.path }, ["x"]);
    await assertRejects(
      () => process.status,
      ConnectionError,
      "The connection to the agent broke",
    );
  }),
);

Deno.test(
  "spawn() gives up on an agent that never answers",
  leakless(async () => {
    await using peer = new Peer((_, closing) => closing);
    const target = { unix: peer.path };
    for (
      const call of [
        () => spawn(target, ["x"], { connectTimeout: 200 }),
        () => info(target, { connectTimeout: 200 }),
      ]
    ) {
      const error = await assertRejects(call, ConnectionError);
      assertStringIncludes(error.message, "no answer within 200 ms");
    }
  }),
);

Deno.test(
  "client exits with 125 when the agent breaks the protocol",
  leakless(async () => {
    const cases: [answer: string, message: string][] = [
      ["garbage\n", "not valid JSON"],
      [`${STARTED}{"type":"exit","exit_code":70000}\n`, "exit code 70000"],
      [`${STARTED}${"x".repeat(9 * MIB)}\n`, "8388608 bytes"],
      ['{"type":"exit"}\n', 'answered "exit" instead of "started"'],
      [STARTED, "The connection to the agent broke"],
    ];
    await Promise.all(cases.map(async ([answer, message]) => {
      await using peer = answerWith(answer);
      const { code, stdout, stderr } = await runClient([
        ...["--unix", peer.path, "--", "x"],
      ]);
      assertEquals([code, stdout], [125, ""], stderr);
      assertStringIncludes(stderr, message);
      assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
    }));
  }),
);

Deno.test(
  "client escapes what a terminal would obey in the agent's messages",
  leakless(async () => {
    await using peer = answerWith({
      type: "error",
      message: "\x1b[2J\x07red\r\nnext\x9b31m\x7f",
    });
    const { code, stdout, stderr } = await runClient([
      ...["--unix", peer.path, "--", "x"],
    ]);
    assertEquals([code, stdout], [125, ""]);
    assertEquals(
      stderr,
      "cocoon-agent: \\x1b[2J\\x07red\\x0d\\x0anext\\x9b31m\\x7f\n",
    );
  }),
);

Deno.test(
  "info escapes what a terminal would obey in the agent's facts",
  leakless(async () => {
    await using peer = answerWith({
      type: "info",
      version: "1\x1b[2J",
      protocol: 1,
      features: ["\x07"],
      os: "linux",
      arch: "x",
      boot_id: "\n",
      uptime_ms: 1,
    }, { type: "exit" });
    const { code, stdout } = await runClient(["--unix", peer.path], {
      command: "info",
    });
    assertEquals(code, 0);
    assertStringIncludes(stdout, "1\\x1b[2J");
    // deno-lint-ignore no-control-regex -- they are what is looked for
    assert(!/[\x00-\x09\x0b-\x1f]/.test(stdout), stdout);
  }),
);

Deno.test(
  "client prints nothing that comes after the exit",
  leakless(async () => {
    await using peer = answerWith(
      STARTED,
      '{"type":"stdout","data":"YQ=="}\n{"type":"exit","exit_code":2}\n' +
        '{"type":"stdout","data":"Yg=="}\n{"type":"exit"}\n',
    );
    const { code, stdout, stderr } = await runClient([
      ...["--unix", peer.path, "--", "x"],
    ]);
    assertEquals([code, stdout, stderr], [2, "a", ""]);
  }),
);
