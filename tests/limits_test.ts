import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { AgentError, output } from "../client/mod.ts";
import { type Agent, launchAgent, startAgent } from "./_agent.ts";
import { bounded, sleep, until } from "./_bounded.ts";
import { runClient } from "./_client.ts";
import { openDescriptors, residentBytes } from "./_proc.ts";
import { dataFrame, randomBytes, sha256, text, type Wire } from "./_wire.ts";

const MIB = 1024 * 1024;

/** Checks that the agent still does its work. */
async function assertServing(agent: Agent): Promise<void> {
  const { stdout, end } = await agent.exec(["echo", "alive"]);
  assertEquals(text(stdout), "alive\n");
  assertEquals(end, { type: "exit" });
}

/** Opens as many sessions, which stay. */
async function occupy(agent: Agent, count: number): Promise<Wire[]> {
  return await Promise.all(Array.from({ length: count }, async () => {
    const wire = await agent.open({ type: "exec", argv: ["sleep", "60"] });
    await wire.expectStarted();
    return wire;
  }));
}

function close(wires: readonly Wire[]): void {
  for (const wire of wires) wire.close();
}

/** Where the agent isn't root's, it keeps sessions for root. */
const ignore = Deno.uid() !== 0;

Deno.test({
  name:
    "serve answers one session too many with busy, whatever it sends, until another ends",
  ignore,
  fn: bounded(async () => {
    await using agent = await startAgent({ args: ["--max-sessions=2"] });
    const [first, ...others] = await occupy(agent, 2);
    const message =
      /^The agent has no room .* may have 2 at once \(--max-sessions\); try again later$/;
    const exec = '{"type":"exec","argv":["true"]}\n';
    const input = `${
      JSON.stringify(dataFrame("stdin", randomBytes(300_000)))
    }\n`;
    for (
      const sent of [
        [],
        [exec],
        [exec, '{"type":"stdin_close"}\n'],
        [`${exec}${input}`, input, input, input],
        // As a first frame it is longer than what is looked at.
        [input, input],
        ["nonsense\n"],
      ]
    ) {
      // Whoever sends nothing is waited for.
      for (let i = 0; i < (sent.length > 0 ? 20 : 1); i++) {
        using wire = await agent.connect();
        const sending = wire.trySend(sent);
        const { frames, end } = await wire.readSession();
        await sending;
        assertEquals(frames.length, 1);
        assertEquals(end.type, "error");
        assertEquals(end.code, "busy");
        assertMatch(end.message as string, message);
      }
    }
    // Nor does a client fail that takes it for a broken connection when it can't
    // send what it wants.
    using strict = await agent.connect();
    await strict.expect("error");
    await strict.send(exec);
    assertEquals(await strict.read(), undefined);
    for (let i = 0; i < 50; i++) {
      const error = await assertRejects(
        () => output({ unix: agent.path }, ["true"]),
        AgentError,
      );
      assertEquals(error.code, "busy");
      assertMatch(error.message, message);
    }
    const target = ["--unix", agent.path];
    for (const timeout of [[], ["--timeout", "5s"]]) {
      const client = await runClient([...target, ...timeout, "--", "true"]);
      assertEquals(client.code, 125);
      assertStringIncludes(client.stderr, "it may have 2 at once");
    }
    const { limit, sessions } = await agent.waitForRecord(({ message }) =>
      String(message).startsWith("Connection of ")
    );
    assertEquals([limit, sessions], ["--max-sessions", 2]);
    // They were no sessions.
    const commands = () => agent.audit.filter(({ kind }) => kind === "exec");
    assertEquals(commands(), []);
    first!.close();
    await until(() => commands().length === 1, "the first one's end");
    await assertServing(agent);
    close(others);
  }),
});

Deno.test(
  "client --wait waits until a busy agent has room",
  bounded(async () => {
    await using agent = await startAgent({ args: ["--max-sessions=1"] });
    const sessions = await occupy(agent, 1);
    const client = runClient([
      ...["--unix", agent.path, "--wait", "20s", "--", "echo", "hi"],
    ]);
    await agent.waitForRecord(({ limit }) => limit === "--max-sessions");
    close(sessions);
    const { code, stdout, stderr } = await client;
    assertEquals([code, stdout, stderr], [0, "hi\n", ""]);
  }),
);

Deno.test(
  "serve bounds how many it answers with busy at once, and tells how many they were",
  bounded(async () => {
    await using agent = await startAgent({ args: ["--max-sessions=1"] });
    const sessions = await occupy(agent, 1);
    const before = openDescriptors(agent.pid).length;
    // Nothing comes from them, for which the agent waits a little.
    const silent = await Promise.all(
      Array.from({ length: 400 }, () => agent.connect()),
    );
    const ends = await Promise.all(silent.map((wire) => wire.read()));
    const held = openDescriptors(agent.pid).length - before;
    assertLess(held, 110);
    const answers = ends.filter((frame) => frame !== undefined);
    assertGreaterOrEqual(answers.length, 100);
    assertLess(answers.length, 400);
    assert(answers.every(({ code }) => code === "busy"));
    close(silent);
    const logged = () =>
      agent.records.filter(({ limit }) => limit === "--max-sessions").length;
    assertLess(logged(), 100);
    close(sessions);
    await until(() => agent.audit.length === 1, "the session's end");
  }),
);

Deno.test(
  "serve answers with timeout when the first frame isn't there in time",
  bounded(async () => {
    await using agent = await startAgent({
      args: ["--first-frame-timeout=700ms"],
    });
    // Whoever has said what it wants has all the time in the world.
    using cat = await agent.open({ type: "exec", argv: ["cat"] });
    await cat.expectStarted();
    using silent = await agent.connect();
    using half = await agent.open('{"type":"exec","argv":');
    using trickling = await agent.connect();
    let told = false;
    const trickle = (async () => {
      while (!told) {
        await trickling.trySend([" "]);
        await sleep(5);
      }
    })();
    for (const wire of [silent, half, trickling]) {
      const { frames, end } = await wire.readSession();
      assertEquals(frames.length, 1);
      assertEquals(end.type, "error");
      assertEquals(end.code, "timeout");
      assertEquals(
        end.message,
        "No whole frame came within 0.7 s of connecting (--first-frame-timeout)",
      );
    }
    told = true;
    await trickle;
    await until(() => agent.audit.length === 3, "the audit records");
    for (const { kind, errorCode } of agent.audit) {
      assertEquals([kind, errorCode], ["none", "timeout"]);
    }
    const logged = agent.records.filter(({ limit }) =>
      limit === "--first-frame-timeout"
    );
    assertEquals(logged.length, 3);
    await cat.send([
      JSON.stringify(dataFrame("stdin", "still here")),
      '{"type":"stdin_close"}\n',
    ].join("\n"));
    assertEquals(text((await cat.readSession()).stdout), "still here");
  }),
);

Deno.test(
  "serve gets rid of a thousand connections without a frame, and answers others meanwhile",
  bounded(async () => {
    await using agent = await startAgent({
      args: ["--first-frame-timeout=2s", "--max-sessions=1500"],
    });
    const wires: Wire[] = [];
    while (wires.length < 1000) wires.push(await agent.connect());
    const ends = Promise.all(wires.map((wire) => wire.readSession(20_000)));
    let over = false;
    ends.finally(() => over = true);
    let served = 0;
    while (!over) {
      await assertServing(agent);
      served++;
    }
    assertGreater(served, 1);
    for (const { end } of await ends) assertEquals(end.code, "timeout");
    // The clients' ends are still open.
    await agent.checkClean();
    close(wires);
  }, 60_000),
);

Deno.test(
  "serve --max-frame bounds what is to be held whole, and no data",
  bounded(async () => {
    await using agent = await startAgent({ args: ["--max-frame=64K"] });
    const long = JSON.stringify({
      ...{ type: "exec", argv: ["echo", "x".repeat(64 * 1024)] },
    });
    const message = "longer than 65536 bytes (--max-frame)";
    for (const size of [1000, long.length + 1]) {
      using wire = await agent.connect();
      const frame = new TextEncoder().encode(`${long}\n`);
      const parts = Array.from(
        { length: Math.ceil(frame.length / size) },
        (_, i) => frame.subarray(i * size, (i + 1) * size),
      );
      const sending = wire.trySend(parts);
      const { frames, end } = await wire.readSession();
      await sending;
      assertEquals(frames.length, 1);
      assertEquals(end.code, "protocol");
      assertStringIncludes(end.message as string, message);
    }
    using later = await agent.open({ type: "exec", argv: ["sleep", "60"] });
    await later.expectStarted();
    const sending = later.trySend([`{"x":"${"a".repeat(64 * 1024)}`]);
    const { end } = await later.readSession();
    await sending;
    assertStringIncludes(end.message as string, message);
    await until(() => agent.audit.length === 3, "the audit records");
    assertMatch(
      agent.stderr,
      /"Session of uid \d+ pid \d+ reached --max-frame: /,
    );
    for (const { errorCode } of agent.audit) {
      assertEquals(errorCode, "protocol");
    }
    // The client's frames of data have 256 KiB.
    const data = randomBytes(3 * MIB);
    for (const raw of [[], ["--no-raw"]]) {
      const { code, bytes } = await runClient(
        ["--unix", agent.path, ...raw, "--", "cat"],
        { stdin: new Blob([data as Uint8Array<ArrayBuffer>]).stream() },
      );
      assertEquals(code, 0);
      assertEquals(await sha256(bytes), await sha256(data));
    }
  }),
);

Deno.test(
  "serve runs what has many arguments, and refuses what has too many before it is started",
  bounded(async () => {
    await using agent = await startAgent();
    const many = Array.from({ length: 100_000 }, (_, i) => `a${i}`);
    const { stdout, end } = await agent.exec([
      ...["sh", "-c", "echo $#", "sh", ...many],
    ]);
    assertEquals(end, { type: "exit" });
    assertEquals(text(stdout), "100000\n");

    const size =
      /^Cannot run "true": its arguments and variables take \d+ bytes, more than 2097152 \(--max-args\)$/;
    const mega = "x".repeat(100_000);
    const cases: [string[], Record<string, string>][] = [
      [["true", ...many, ...many], {}],
      [["true", ...Array(21).fill(mega)], {}],
      [
        ["true", ...Array(11).fill(mega)],
        Object.fromEntries(Array.from({ length: 11 }, (_, i) => [i, mega])),
      ],
    ];
    for (const [argv, env] of cases) {
      const { frames, end } = await agent.exec(argv, env);
      assertEquals(frames.length, 1);
      assertEquals(end.code, "not_executable");
      assertMatch(end.message as string, size);
    }
    const { limit } = await agent.waitForRecord(({ limit }) => !!limit);
    assertEquals(limit, "--max-args");
    // The number of them has a limit of its own.
    const { end: tooMany } = await agent.exec(Array(233_017).fill("a"));
    assertEquals(tooMany.code, "protocol");
    assertStringIncludes(
      tooMany.message as string,
      '"argv" holds 233017 strings, more than 233016',
    );
    // What Linux alone refuses.
    const { end: tooLong } = await agent.exec(["true", "x".repeat(200_000)]);
    assertEquals(tooLong.code, "not_executable");
    assertStringIncludes(tooLong.message as string, "E2BIG");
  }),
);

Deno.test(
  "serve --max-args counts the variables that the command inherits too",
  bounded(async () => {
    await using agent = await startAgent({
      args: ["--max-args=64K"],
      env: { LARGE: "x".repeat(60_000) },
    });
    await assertServing(agent);
    const argv = ["true", "x".repeat(6000)];
    assertEquals((await agent.exec(argv)).end.code, "not_executable");
    using wire = await agent.open({ type: "exec", argv, clear_env: true });
    assertEquals((await wire.readSession()).end, { type: "exit" });
  }),
);

Deno.test(
  "serve --session-memory sets the window",
  bounded(async () => {
    const exec = {
      ...{ type: "exec", argv: ["sleep", "60"], features: ["flow"] },
    };
    for (
      const [args, window] of [
        [[], 512 * 1024],
        [["--session-memory=1536K"], 256 * 1024],
        [["--session-memory=3M"], MIB],
      ] as const
    ) {
      await using agent = await startAgent({ args });
      using wire = await agent.open(exec);
      assertEquals((await wire.expect("started"))["window"], window);
      // The kernel's pipe takes some of it.
      const much = dataFrame("stdin", new Uint8Array(window));
      const sending = wire.trySend(Array(10).fill(much));
      let end = await wire.read();
      while (end?.type === "window") end = await wire.read();
      assertEquals(end?.["code"], "protocol");
      assertStringIncludes(
        end!["message"] as string,
        `the window has ${window}`,
      );
      wire.close();
      await sending;
    }
  }),
);

Deno.test(
  "serve refuses frames that hold millions of values, and takes next to no memory for them",
  bounded(async () => {
    await using agent = await startAgent();
    await assertServing(agent);
    const before = residentBytes(agent.pid);
    const nested = `{"type":"exec","argv":["true"],"x":[${
      "[],".repeat(2_700_000)
    }[]]}`;
    const members = `{"type":"exec","argv":["true"],${
      Array.from({ length: 600_000 }, (_, i) => `"m${i}":0`).join(",")
    }}`;
    for (const frame of [nested, members]) {
      using first = await agent.connect();
      const sending = first.trySend([frame, "\n"]);
      const { end } = await first.readSession();
      await sending;
      assertEquals(end.code, "protocol");
      assertStringIncludes(end.message as string, "it holds too many values");
      using later = await agent.open({ type: "exec", argv: ["sleep", "60"] });
      await later.expectStarted();
      const sendingLater = later.trySend([frame, "\n"]);
      assertEquals((await later.readSession()).end.code, "protocol");
      await sendingLater;
    }
    // Parsing one would take up to 700 MiB.
    assertLess(residentBytes(agent.pid) - before, 300 * MIB);
    await assertServing(agent);
  }),
);

Deno.test({
  name:
    "serve stops at once with clients that it has turned away, and with silent ones",
  ignore,
  fn: bounded(async () => {
    await using agent = await startAgent({ args: ["--max-sessions=3"] });
    const sessions = await occupy(agent, 2);
    using silent = await agent.connect();
    await until(async () => {
      using wire = await agent.connect();
      return (await wire.read())?.["code"] === "busy";
    }, "the agent to be full");
    using away = await agent.connect();
    await away.expect("error");
    agent.kill("SIGTERM");
    assertEquals(await away.read(), undefined);
    assertEquals((await silent.readSession()).end.code, "busy");
    for (const session of sessions) {
      assertEquals((await session.readSession()).end["signal"], "SIGTERM");
    }
    assertEquals((await agent.status).code, 0);
    close(sessions);
  }),
});

Deno.test(
  "serve says what is wrong with a limit",
  bounded(async () => {
    for (
      const [flag, reason] of [
        ["--max-sessions=0", "--max-sessions must be an integer from 1"],
        ["--max-sessions=many", "--max-sessions must be an integer"],
        ["--first-frame-timeout=0s", "must be longer than 0s"],
        ["--max-frame=9M", "--max-frame must be a size"],
        ["--max-frame=1K", "from 64K to 8M"],
        ["--max-args=1", "--max-args must be a size"],
        ["--session-memory=1M", "from 1536K to 64M"],
      ] as const
    ) {
      await using agent = launchAgent({ args: [flag] });
      agent.mayEnd();
      assertEquals((await agent.status).code, 2, flag);
      assertStringIncludes(agent.stderr, reason);
    }
  }),
);
