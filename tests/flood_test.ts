import { assertEquals } from "@std/assert";
import type { KnownFrame } from "../protocol/mod.ts";
import { startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import {
  assertFloodHarmless,
  assertReturnsHarmless,
  measureSessions,
} from "./_flood.ts";

const encoder = new TextEncoder();

/** Lines of each type that a running session takes, empty and small. */
const LINES: Record<KnownFrame["type"] | "unknown", string[]> = {
  exec: ['{"type":"exec"}', '{"type":"exec","argv":["true"],"env":{"A":"b"}}'],
  reseed: ['{"type":"reseed"}', '{"type":"reseed","data":"AAAA"}'],
  info: ['{"type":"info"}', `{"type":"info","x":${nested(100)}}`],
  stdin: [
    '{"type":"stdin"}',
    '{"type":"stdin","data":""}',
    '{"type":"stdin","data":"eA=="}',
    '{"data":"eA==","type":"stdin"}',
  ],
  stdin_close: ['{"type":"stdin_close"}'],
  resize: ['{"type":"resize"}', '{"type":"resize","rows":5,"cols":7}'],
  signal: ['{"type":"signal","signal":"SIGCONT"}'],
  window: ['{"type":"window"}', '{"type":"window","bytes":1}'],
  started: ['{"type":"started","pid":1}'],
  stdout: ['{"type":"stdout","data":""}'],
  stderr: ['{"type":"stderr","data":"eA=="}'],
  exit: ['{"type":"exit"}', '{"type":"exit","exit_code":1}'],
  error: ['{"type":"error"}', '{"type":"error","message":"no"}'],
  unknown: ['{"type":"x"}', ' {\t"type" : "" } \r'],
};

/** Lines that take longer each. */
const LARGE_LINES = [
  `{"type":"x","x":"${"a".repeat(2000)}"}`,
  `{"type":"x","x":${nested(1000)}}`,
  `{"type":"x","x":${nested(1500)},"y":"${"\\n".repeat(15_000)}"}`,
  `{"type":"x","x":${nested(1500)},"y":"${"\\n".repeat(100_000)}"}`,
  `{"type":"x","y":"${"\\\\".repeat(4_000_000)}"}`,
  `{"data":"${"A".repeat(60_000)}","type":"stdin"}`,
];

/** Runs until its client is gone, and takes its input. */
const COMMAND = ["sh", "-c", "cat >/dev/null; exec sleep 60"];

function nested(count: number): string {
  return `[${Array(count).fill("[]")}]`;
}

Deno.test(
  "serve goes on when clients leave right after their first frame",
  bounded(async () => {
    await using agent = await startAgent();
    const steady = await agent.connect();
    using _ = steady;
    await steady.send('{"type":"exec","argv":["cat"]}\n');
    assertEquals((await steady.read())?.["type"], "started");
    for (let i = 0; i < 100; i++) {
      const hasty = await Deno.connect({ transport: "unix", path: agent.path });
      await hasty.write(encoder.encode('{"type":"exec","argv":["true"]}\n'));
      // Some leave before the command runs, some while it does, some after it.
      await new Promise((resolve) => setTimeout(resolve, i % 5));
      hasty.close();
    }
    await steady.send(
      '{"type":"stdin","data":"aGk="}\n{"type":"stdin_close"}\n',
    );
    assertEquals((await steady.read())?.["data"], "aGk=");
    assertEquals((await steady.read())?.["type"], "exit");
  }),
);

Deno.test(
  "serve answers others while a client floods it with tiny frames",
  bounded(async () => {
    await using agent = await startAgent();
    const flood = await Deno.connect({ transport: "unix", path: agent.path });
    await flood.write(
      encoder.encode('{"type":"exec","argv":["sleep","60"]}\n'),
    );
    const frames = encoder.encode('{"type":"x"}\n'.repeat(30_000));
    let flooding = true;
    let sent = 0;
    const flooded = (async () => {
      while (flooding) sent += await flood.write(frames);
    })().catch(() => {});
    while (sent < frames.byteLength) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    // Each answer must come before the agent has worked off a whole flood.
    for (let i = 0; i < 5; i++) {
      const before = sent;
      using other = await agent.connect();
      await other.send('{"type":"exec","argv":["true"]}\n');
      assertEquals((await other.read())?.["type"], "started");
      assertEquals((await other.read())?.["type"], "exit");
      assertEquals(sent - before < 40 * frames.byteLength, true);
    }
    flooding = false;
    flood.close();
    await flooded;
  }),
);

for (const [type, lines] of Object.entries(LINES)) {
  Deno.test(
    `serve answers others while clients flood it with ${type} frames, empty and small`,
    bounded(async () => {
      await using agent = await startAgent();
      const alone = await measureSessions(agent);
      const tty = type === "resize" && { tty: { rows: 5, cols: 7 } };
      const first = { type: "exec", argv: COMMAND, ...tty };
      for (const line of lines) {
        for (const sessions of [1, 6]) {
          const flood = { first, text: `${line}\n`, sessions };
          await assertFloodHarmless(agent, flood, alone);
        }
      }
    }),
  );
}

Deno.test(
  "serve answers others while clients flood it with raw frames, empty and small",
  bounded(async () => {
    await using agent = await startAgent();
    const alone = await measureSessions(agent);
    const first = { type: "exec", argv: COMMAND };
    for (const type of ["stdin", "stdout", "stderr"]) {
      for (const data of ["", "x", "\n{}"]) {
        for (const sessions of [1, 6]) {
          // Without data no credit is used up.
          const flow = data === "" ? ["flow"] : [];
          const flood = {
            first: { ...first, features: ["raw", ...flow] },
            text: `{"type":"${type}","size":${data.length}}\n${data}`,
            sessions,
          };
          await assertFloodHarmless(agent, flood, alone);
        }
      }
    }
  }),
);

Deno.test(
  "serve answers others while clients flood it with large frames that it doesn't know",
  bounded(async () => {
    await using agent = await startAgent();
    const alone = await measureSessions(agent);
    for (const line of LARGE_LINES) {
      for (const sessions of [1, 6]) {
        const first = { type: "exec", argv: COMMAND };
        const flood = { first, text: `${line}\n`, sessions };
        await assertFloodHarmless(agent, flood, alone);
      }
    }
  }),
);

Deno.test(
  "serve answers others while clients come back with first frames that are refused",
  bounded(async () => {
    await using agent = await startAgent({ args: ["--allow-run=true"] });
    const alone = await measureSessions(agent);
    const tiny = '{"type":"x"}\n'.repeat(20_000);
    for (
      const text of [
        ...["\n", "nonsense\n", "{}\n", '{"type":"x"}\n', '{"type":"exec"}\n'],
        '{"type":"exec","argv":["sh"]}\n',
        `{"type":"stdin","data":""}\n${tiny}`,
        `{"type":"exec","argv":["sh"]}\n${tiny}`,
      ]
    ) {
      await assertReturnsHarmless(agent, { text, connections: 20 }, alone);
    }
  }),
);
