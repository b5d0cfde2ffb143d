import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  AgentError,
  info,
  output,
  spawn,
  waitForAgent,
} from "../client/mod.ts";
import { bounded, within } from "./_bounded.ts";
import { runClient } from "./_client.ts";
import { answerWith, Peer } from "./_peer.ts";
import { ENVIRONMENT, programArgs } from "./_program.ts";
import { text } from "./_wire.ts";

const STARTED = { type: "started", pid: 7 };
const MIB = 1024 * 1024;

/** What a guest may say so that a terminal does something. */
const HOSTILE: readonly string[] = [
  "\x1b[2J\x07red\r\nnext",
  "\x1b]0;title\x07\x1b]52;c;cm0gLXJmIC8K\x07",
  "\x9b31m\x90q\x9d0;title\x9c",
  "\x7f\x7f\x08\x08\0",
  "abc\u202edcba\u202c\u2066x\u2069\u200f\u061c",
  "line\u2028line\u2029",
  "half \ud83d pair \ude00",
  `${"x".repeat(4095)}\x1b[2J`,
  "\x1b".repeat(MIB),
  "é😀".repeat(MIB / 2),
  "y".repeat(7 * MIB),
];

/** Checks that a text does nothing to a terminal but to show, and is bounded. */
function assertHarmless(shown: string, maxLength = 4096, also = ""): void {
  const rest = also === "" ? shown : shown.replaceAll(also, "");
  const found = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u
    .exec(rest);
  assertEquals(found?.[0], undefined, JSON.stringify(shown.slice(0, 200)));
  assert(shown.length <= maxLength, `${shown.length} characters`);
}

/** What an agent says of itself, all of it one text. */
function infoFrame(word: string) {
  return {
    ...{ type: "info", version: word, protocol: 1, features: [word, "raw"] },
    ...{ os: word, arch: word, boot_id: word, uptime_ms: 1.5 },
    ...{ containment: word, controllers: Array(1000).fill(word.slice(0, 99)) },
  };
}

Deno.test(
  "AgentError.message is safe to print whatever a guest says, and rawMessage is what it said",
  bounded(async () => {
    for (const message of HOSTILE) {
      for (const before of [[], [STARTED]]) {
        await using peer = answerWith(...before, { type: "error", message });
        const error = await assertRejects(
          () => output({ unix: peer.path }, ["x"]),
          AgentError,
        );
        assertHarmless(error.message);
        assert(error.message.length >= 10, error.message);
        // As a program shows it that doesn't know what it is.
        assertHarmless(`${error.stack}`, 8192, "\n");
        assertHarmless(Deno.inspect(error), 8192, "\n");
        assert(error.rawMessage === message, "rawMessage differs");
      }
    }
  }),
);

Deno.test(
  "AgentError.code is guessed from what the agent said, however long that is",
  bounded(async () => {
    const message = `exec: start ${"x".repeat(9000)}: no such file`;
    await using peer = answerWith({ type: "error", message });
    const error = await assertRejects(
      () => output({ unix: peer.path }, ["x"]),
      AgentError,
    );
    assertEquals(error.code, "not_found");
  }),
);

Deno.test(
  "info() returns what is safe to print, and raw has it to the letter",
  bounded(async () => {
    for (const word of HOSTILE.map((word) => word.slice(0, 9000))) {
      await using peer = answerWith(infoFrame(word), { type: "exit" });
      const facts = (await info({ unix: peer.path }))!;
      const { version, os, arch, bootId, containment } = facts;
      const { features, controllers } = facts;
      assert(features.includes("raw"));
      for (
        const shown of [
          ...[version, os, arch, bootId, containment!],
          ...[...features, ...controllers!],
        ]
      ) {
        assertHarmless(shown, 64);
      }
      assertEquals([controllers!.length, facts.uptimeMs], [64, 1.5]);
      assertHarmless(Deno.inspect(facts), 16_384, "\n");
      assertEquals(facts.raw.version, word);
      assertEquals(facts.raw.features, [word, "raw"]);
      assertEquals(facts.raw.controllers?.length, 1000);
    }
  }),
);

Deno.test(
  "spawn() and output() return names that are safe to print",
  bounded(async () => {
    for (const word of HOSTILE.map((word) => word.slice(0, 9000))) {
      await using peer = answerWith(
        { ...STARTED, features: ["signals", ...Array(100).fill(word)] },
        { type: "exit", exit_code: 143, signal: word },
      );
      await using process = await spawn({ unix: peer.path }, ["x"]);
      assertEquals(process.features.length, 64);
      assertEquals(process.features[0], "signals");
      for (const feature of process.features) assertHarmless(feature, 64);
      assertHarmless((await process.status).signal!, 64);
    }
  }),
);

Deno.test(
  "Errors about what makes no sense quote a guest safely, their causes too",
  bounded(async () => {
    const answers = HOSTILE.flatMap((word) => [
      `${word.replaceAll("\n", " ")}\n`,
      `{"type":${word.replaceAll("\n", " ")}\n`,
      { type: word },
      { type: "started", pid: word },
      { type: "started", pid: 7, features: [{ [word]: 1 }] },
      { type: "info", version: "1", protocol: word },
    ]);
    for (const answer of answers) {
      await using peer = answerWith(answer);
      const error = await assertRejects(
        () => output({ unix: peer.path }, ["x"]),
        Error,
      );
      assertHarmless(error.message);
      assertHarmless(Deno.inspect(error), 8192, "\n");
    }
    // A hybrid socket's answer is a guest's word as well, in bytes.
    for (const word of HOSTILE) {
      await using peer = new Peer(async (wire) => {
        await wire.readLine();
        await wire.trySend([
          Uint8Array.from(word, (unit) => unit.charCodeAt(0)),
          "\n",
        ]);
      });
      const error = await assertRejects(
        () => output({ uds: peer.path }, ["x"]),
        Error,
      );
      assertHarmless(error.message);
      assertHarmless(Deno.inspect(error), 8192, "\n");
    }
  }),
);

Deno.test(
  "waitForAgent() and client --wait say safely why they gave up",
  bounded(async () => {
    for (const message of HOSTILE.slice(0, -2)) {
      await using peer = answerWith({ type: "error", message, code: "busy" });
      const target = { unix: peer.path };
      const error = await assertRejects(() => waitForAgent(target, 100), Error);
      assertHarmless(error.message, 5000);
      assertHarmless(Deno.inspect(error), 16_384, "\n");
    }
    await using peer = answerWith({
      ...{ type: "error", code: "busy" },
      message: HOSTILE[0]!.repeat(10_000),
    });
    const { code, stderr } = await runClient([
      ...["--unix", peer.path, "--wait", "100ms", "--", "x"],
    ]);
    assertEquals(code, 125);
    assertHarmless(stderr.slice(0, -1), 4200);
    assertEquals(stderr.at(-1), "\n");
    assert(stderr.includes(String.raw`\x1b[2J\x07red\x0d\x0anext`), stderr);
  }),
);

Deno.test(
  "client escapes a guest's words once, and info shows them safely",
  bounded(async () => {
    for (const word of HOSTILE.map((word) => word.slice(0, 1000))) {
      await using peer = answerWith(infoFrame(word), { type: "exit" });
      const plain = await runClient(["--unix", peer.path], { command: "info" });
      for (const line of plain.stdout.split("\n")) assertHarmless(line, 4300);
      const json = await runClient(["--unix", peer.path, "--json"], {
        command: "info",
      });
      assertHarmless(json.stdout.trimEnd(), 16_384);
      const { version } = JSON.parse(json.stdout);
      assertHarmless(version, 64);
      assert(plain.stdout.includes(`version      ${version}\n`));
      await using refusing = answerWith({ type: "error", message: word });
      const { stderr } = await runClient(["--unix", refusing.path, "--", "x"]);
      const error = await assertRejects(
        () => output({ unix: refusing.path }, ["x"]),
        AgentError,
      );
      assertEquals(stderr, `cocoon-agent: ${error.message}\n`);
    }
  }),
);

Deno.test(
  "client --status-fd writes lines that are bounded and safe, whatever the guest says",
  bounded(async () => {
    for (const word of HOSTILE) {
      const started = {
        ...STARTED,
        features: Array(9).fill(word.slice(0, 9000)),
      };
      for (
        const answer of [
          [{ type: "error", message: word }],
          [started, { type: "error", message: word }],
          [started, { type: "exit", exit_code: 1, signal: word }],
          [started, `${word.replaceAll("\n", " ")}\n`],
        ]
      ) {
        await using peer = answerWith(...answer);
        const lines = await statusLines(["--unix", peer.path, "--", "x"]);
        assertEquals(lines.length, answer[0] === started ? 2 : 1);
        for (const line of lines) {
          assert(new TextEncoder().encode(line).length <= 32 * 1024);
          assertHarmless(line, 32 * 1024);
          const [[kind, fact]] = Object.entries(JSON.parse(line)) as [
            [string, Record<string, unknown>],
          ];
          if (kind === "error") assertHarmless(fact["message"] as string);
          if (kind === "exit") assertHarmless(fact["signal"] as string, 64);
        }
      }
    }
  }),
);

/** Runs a client, and returns what it writes to its status channel. */
async function statusLines(args: readonly string[]): Promise<string[]> {
  const client = programArgs("client", ["--status-fd", "4", ...args]);
  const process = new Deno.Command("sh", {
    args: ["-c", 'exec "$@" 4>&1 >/dev/null', "sh", ...client],
    env: { ...ENVIRONMENT },
    stdin: "null",
    stderr: "null",
  }).output();
  const { stdout } = await within(process, "the end of the client");
  return text(stdout).trimEnd().split("\n");
}
