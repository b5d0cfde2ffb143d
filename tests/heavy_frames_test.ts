import { assert, assertMatch } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import { assertReturnsHarmless, measureSessions } from "./_flood.ts";
import type { WireFrame } from "./_wire.ts";

const CONNECTIONS = 40;

function variables(count: number): WireFrame {
  const env = Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`v${i}`, "xx"]),
  );
  return { type: "exec", argv: ["true"], env };
}

function args(count: number): WireFrame {
  const many = Array.from({ length: count - 1 }, (_, i) => `a${i}`);
  return { type: "exec", argv: ["true", ...many] };
}

/** What the first frame is, and how it is answered. */
const FRAMES: Record<string, [WireFrame, RegExp]> = {
  "as many variables as a frame may have": [variables(4096), /"exit"/],
  "5,000 variables": [
    variables(5000),
    /"env\\" holds 5000 strings, more than 4096".*"protocol"/,
  ],
  "26,000 variables": [
    variables(26_000),
    /it holds 26003 members, more than 8192: .* 4096 variables".*"protocol"/,
  ],
  "65,536 arguments": [args(65_536), /"exit"/],
  "200,000 arguments": [args(200_000), /--max-args.*"not_executable"/],
  "250,000 arguments": [
    args(250_000),
    /"argv\\" holds 250000 strings, more than 233016".*"protocol"/,
  ],
  "arguments of 2 MB": [
    { type: "exec", argv: ["true", ...Array(20).fill("x".repeat(100_000))] },
    /"exit"/,
  ],
  "a PATH of a million directories": [
    { type: "exec", argv: ["nothing"], env: { PATH: ":".repeat(999_999) } },
    /by a PATH of more than 256 folders.*"not_executable"/,
  ],
  "a long PATH": [
    { type: "exec", argv: ["nothing"], env: { PATH: "a:".repeat(255) } },
    /"not_found"/,
  ],
  "a name of a megabyte": [
    {
      ...{ type: "exec", argv: ["n".repeat(1_000_000)] },
      env: { PATH: ":".repeat(200) },
    },
    /"not_executable"/,
  ],
  "nothing but a long text": [
    { type: "x", x: "\n".repeat(2_000_000) },
    /"protocol"/,
  ],
};

for (const [what, [frame, answer]] of Object.entries(FRAMES)) {
  Deno.test(
    `serve answers others while ${CONNECTIONS} clients come back with ${what}`,
    bounded(async () => {
      await using agent = await startAgent();
      const alone = await measureSessions(agent);
      const flood = {
        text: `${JSON.stringify(frame)}\n`,
        connections: CONNECTIONS,
      };
      const answers = await assertReturnsHarmless(agent, flood, alone);
      for (const line of answers) assertMatch(line, answer);
    }),
  );
}

Deno.test(
  "serve tells clients that there was no time for their large frames",
  bounded(async () => {
    await using agent = await startAgent({
      args: ["--first-frame-timeout=300ms"],
    });
    const alone = await measureSessions(agent);
    const text = `${
      JSON.stringify({ type: "x", x: "\n".repeat(1_000_000) })
    }\n`;
    const flood = { text, connections: 60 };
    const answers = await assertReturnsHarmless(agent, flood, alone);
    const busy = answers.filter((line) => line.includes('"busy"'));
    assert(busy.length > 0);
    assertMatch(
      busy[0]!,
      /no time for a frame of this size within 0\.3 s of connecting \(--first-frame-timeout\)/,
    );
  }),
);
