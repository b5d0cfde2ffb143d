import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { type Agent, startAgent } from "./_agent.ts";
import { bounded, until } from "./_bounded.ts";
import { membersOf } from "./_proc.ts";
import { ARCHITECTURE } from "./_program.ts";
import { dataFrame, text } from "./_wire.ts";

/** The longest frame allowed, its newline included. */
const MAX_FRAME = 8 * 1024 * 1024;

/** Lines that no frame is, whatever is expected. */
const BROKEN: readonly (string | Uint8Array)[] = [
  "",
  "nonsense",
  '{"type":"exec"',
  '{"type":"stdin_close"} {}',
  "[]",
  "42",
  "null",
  '"exec"',
  "{}",
  '{"type":null}',
  '{"type":7}',
  Uint8Array.of(0x22, 0xff, 0xfe, 0x22),
  Buffer.concat([
    Buffer.from('{"type":"stdin_close","x":"'),
    Uint8Array.of(0xc3, 0x28),
    Buffer.from('"}'),
  ]),
];

/** Checks that the agent still does its work. */
async function assertServing(agent: Agent): Promise<void> {
  const { stdout, end } = await agent.exec(["echo", "alive"]);
  assertEquals(text(stdout), "alive\n");
  assertEquals(end, { type: "exit" });
}

/** Pads a frame with spaces to a length, its newline included. */
function pad(frame: string, length: number): string {
  return `${frame.padEnd(length - 1)}\n`;
}

/** Names a line in a step's title. */
function title(line: string | Uint8Array): string {
  return typeof line === "string"
    ? line || "an empty line"
    : Array.from(line, (byte) => byte.toString(16)).join(" ");
}

Deno.test(
  "serve answers with a protocol error when the first line is no frame",
  async (t) => {
    await bounded(async () => {
      await using agent = await startAgent();
      const lines = [
        ...BROKEN,
        '{"type":"exec","argv":"ls"}',
        '{"type":"exec","argv":[1]}',
        '{"type":"exec","argv":["ls",null]}',
        '{"type":"exec","argv":{"0":"ls"}}',
        '{"type":"exec","argv":["ls"],"env":["A=1"]}',
        '{"type":"exec","argv":["ls"],"env":{"A":1}}',
        '{"type":"reseed","regen_machine_id":"yes"}',
        '{"type":"reseed","data":"%%%"}',
      ];
      for (const line of lines) {
        await t.step(title(line), async () => {
          using wire = await agent.connect();
          await wire.send(Buffer.concat([Buffer.from(line), Buffer.of(10)]));
          const { frames, end } = await wire.readSession();
          assertEquals(frames.length, 1);
          assertEquals(end.type, "error");
          assertEquals(end.code, "protocol");
          assert(end.message);
        });
      }
      await assertServing(agent);
    })(t);
  },
);

Deno.test(
  "serve kills the child and answers with a protocol error when a later line is no frame",
  async (t) => {
    await bounded(async () => {
      await using agent = await startAgent();
      const lines = [
        ...BROKEN,
        '{"type":"stdin","data":7}',
        '{"type":"stdin","data":["aGk="]}',
        '{"type":"stdin","data":"####"}',
        '{"type":"stdin","data":"aGk"}',
        '{"type":"stdin","data":"aGk_"}',
      ];
      for (const line of lines) {
        await t.step(title(line), async () => {
          using wire = await agent.open({
            type: "exec",
            argv: ["sh", "-c", "sleep 60 & sleep 60"],
          });
          const pid = await wire.expectStarted();
          // What follows the broken line is never looked at.
          await wire.send(
            Buffer.concat([
              Buffer.from(line),
              Buffer.from('\n{"type":"stdin_close"}\n'),
            ]),
          );
          const { frames, end } = await wire.readSession();
          assertEquals(frames.length, 1);
          assertEquals(end.type, "error");
          assertEquals(end.code, "protocol");
          await until(() => membersOf(pid).length === 0, "the children's end");
        });
      }
      await t.step("after stdin_close", async () => {
        using wire = await agent.open({ type: "exec", argv: ["sleep", "60"] });
        const pid = await wire.expectStarted();
        await wire.send('{"type":"stdin_close"}\nnonsense\n');
        assertEquals((await wire.readSession()).end.code, "protocol");
        await until(() => membersOf(pid).length === 0, "the child's end");
      });
      await assertServing(agent);
    })(t);
  },
);

Deno.test(
  "serve answers with an error that quotes the type when it is no first frame's",
  bounded(async () => {
    await using agent = await startAgent();
    for (
      const type of [
        "resize",
        "stdin",
        "stdin_close",
        "started",
        "exit",
        "",
        "É",
      ]
    ) {
      using wire = await agent.open({ type });
      const { frames, end } = await wire.readSession();
      assertEquals(frames.length, 1);
      assertEquals(end.type, "error");
      assertEquals(end.code, "protocol");
      assertStringIncludes(end.message as string, JSON.stringify(type));
    }
    await assertServing(agent);
  }),
);

Deno.test(
  "serve ignores unknown frames in a session, and unknown fields in frames",
  bounded(async () => {
    await using agent = await startAgent();
    using wire = await agent.open(
      '{"later":[1,{"a":null}],"type":"exec","argv":["cat"],"x":"y"}\n',
    );
    await wire.send('{"type":"resize","rows":24,"data":7,"argv":"odd"}\n');
    await wire.send('{"data":"YQ==","seq":1,"type":"stdin"}\n');
    await wire.send('{"type":"another"}\n{"type":"stdin","data":"Yg=="}\n');
    await wire.send('{"type":"stdin_close","why":"because"}\n');
    const { stdout, end } = await wire.readSession();
    assertEquals(text(stdout), "ab");
    assertEquals(end, { type: "exit" });
  }),
);

Deno.test(
  "serve tolerates a carriage return before the newline",
  bounded(async () => {
    await using agent = await startAgent();
    using wire = await agent.open('{"type":"exec","argv":["cat"]}\r\n');
    await wire.send('{"type":"stdin","data":"aGkK"}\r\n');
    await wire.send('{"type":"stdin_close"}\r\n');
    const { stdout, end } = await wire.readSession();
    assertEquals(text(stdout), "hi\n");
    assertEquals(end, { type: "exit" });
  }),
);

Deno.test(
  "serve reads a frame that comes in two parts, wherever it is cut",
  bounded(async () => {
    await using agent = await startAgent();
    const frame = Buffer.from('{"type":"exec","argv":["echo","hé ✓"]}\r\n');
    const cuts = Array.from({ length: frame.length - 1 }, (_, i) => i + 1);
    const wires = await Promise.all(cuts.map(async (at) => {
      const wire = await agent.connect();
      await wire.send(frame.subarray(0, at));
      return wire;
    }));
    // By the time this is answered, all first parts were read.
    await assertServing(agent);
    await Promise.all(wires.map(async (wire, i) => {
      using _ = wire;
      await wire.send(frame.subarray(cuts[i]));
      const { stdout, end } = await wire.readSession();
      assertEquals(text(stdout), "hé ✓\n", `Cut at ${cuts[i]}`);
      assertEquals(end, { type: "exit" });
    }));
  }),
);

Deno.test(
  "serve reads frames that come a byte at a time, and many at once",
  bounded(async () => {
    await using agent = await startAgent();
    const session = '{"type":"exec","argv":["cat"]}\n' +
      '{"type":"stdin","data":"aGkK"}\n{"type":"stdin_close"}\n';
    using slow = await agent.connect();
    for (const byte of Buffer.from(session)) {
      await slow.send(Uint8Array.of(byte));
    }
    assertEquals(text((await slow.readSession()).stdout), "hi\n");
    using fast = await agent.open(session);
    assertEquals(text((await fast.readSession()).stdout), "hi\n");
  }),
);

Deno.test(
  "serve takes frames of 8 MiB, and answers longer ones with a protocol error",
  async (t) => {
    await bounded(async () => {
      await using agent = await startAgent();
      const exec = '{"type":"exec","argv":["wc","-c"]}';
      await t.step("a first frame of 8 MiB", async () => {
        using wire = await agent.open(pad(exec, MAX_FRAME));
        await wire.send({ type: "stdin_close" });
        assertEquals(text((await wire.readSession()).stdout), "0\n");
      });
      await t.step("a first frame of 8 MiB and a byte", async () => {
        using wire = await agent.connect();
        const sending = wire.trySend([pad(exec, MAX_FRAME + 1)]);
        const { frames, end } = await wire.readSession();
        assertEquals(frames.length, 1);
        assertEquals(end.code, "protocol");
        assertStringIncludes(end.message as string, `${MAX_FRAME} bytes`);
        await sending;
      });
      await t.step("a stdin frame of 8 MiB", async () => {
        using wire = await agent.open(`${exec}\n`);
        const data = new Uint8Array(6_000_000);
        const frame = JSON.stringify(dataFrame("stdin", data));
        await wire.send(pad(frame, MAX_FRAME));
        await wire.send({ type: "stdin_close" });
        assertEquals(text((await wire.readSession()).stdout), "6000000\n");
      });
      await t.step("a stdin frame of 8 MiB and a byte", async () => {
        using wire = await agent.open(`${exec}\n`);
        const pid = await wire.expectStarted();
        const frame = JSON.stringify(dataFrame("stdin", "x"));
        const sending = wire.trySend([pad(frame, MAX_FRAME + 1)]);
        const { frames, end } = await wire.readSession();
        assertEquals(frames.length, 1);
        assertEquals(end.code, "protocol");
        await until(() => membersOf(pid).length === 0, "the child's end");
        await sending;
      });
      await t.step("a line that never ends", async () => {
        using wire = await agent.connect();
        const spaces = " ".repeat(MAX_FRAME);
        const sending = wire.trySend([spaces, spaces]);
        assertEquals((await wire.readSession()).end.code, "protocol");
        await sending;
      });
      await assertServing(agent);
    })(t);
  },
);

Deno.test(
  "serve takes a last frame without its newline when the client half-closes",
  bounded(async () => {
    await using agent = await startAgent();
    using wire = await agent.open('{"type":"exec","argv":["echo","hi"]}');
    await wire.closeWrite();
    assertEquals(text((await wire.readSession()).stdout), "hi\n");
  }),
);

Deno.test(
  "serve answers info with a description of itself and an exit",
  bounded(async () => {
    await using agent = await startAgent();
    using wire = await agent.open('{"type":"info"}\n');
    const { frames, endLine } = await wire.readSession();
    const [
      { version, features, uptime_ms, containment, controllers, ...info } = {
        type: "",
      },
    ] = frames;
    assertEquals(info, {
      type: "info",
      protocol: 1,
      os: Deno.build.os,
      arch: ARCHITECTURE,
      boot_id: Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim(),
    });
    assert(/^\d+\.\d+\.\d+/.test(version as string), `Version ${version}`);
    assert((features as string[]).includes("info"));
    // Some terminals are in a control group that was delegated.
    assert(["cgroup", "process_group"].includes(containment as string));
    assert(Array.isArray(controllers));
    const uptime = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]);
    assert(Math.abs(uptime * 1000 - (uptime_ms as number)) < 5000);
    assertEquals(endLine, '{"type":"exit"}');
    assertEquals(frames.length, 2);
  }),
);
