import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { type Agent, type LogRecord, startAgent } from "./_agent.ts";
import { bounded, until } from "./_bounded.ts";
import { runClient } from "./_client.ts";
import { dataFrame } from "./_wire.ts";

/** Waits for as many audit records, and checks that there are no more. */
async function audit(agent: Agent, count: number): Promise<LogRecord[]> {
  await until(() => agent.audit.length >= count, `${count} audit records`);
  assertEquals(agent.audit.length, count);
  return agent.audit;
}

Deno.test(
  "serve leaves a record of a command, with who, what, how long and how much",
  bounded(async () => {
    await using agent = await startAgent();
    const before = Date.now();
    using wire = await agent.open({
      type: "exec",
      argv: ["sh", "-c", "cat; echo error >&2; sleep 0.1; exit 3", "a b"],
    });
    await wire.send(dataFrame("stdin", "twelve bytes"));
    await wire.send({ type: "stdin_close" });
    const { pid } = await wire.readSession();
    const [record] = await audit(agent, 1);
    const { peer, start, durationMs, ...facts } = record!;
    assertMatch(
      peer as string,
      new RegExp(`^uid ${Deno.uid()} pid ${Deno.pid}$`),
    );
    assert(Date.parse(start as string) >= before);
    const duration = durationMs as number;
    assert(100 <= duration && duration <= Date.now() - before);
    const { kind, argv, stdinBytes, stdoutBytes, stderrBytes, exitCode } =
      facts;
    assertEquals({ kind, argv, pid: facts["pid"], exitCode }, {
      kind: "exec",
      argv: ["sh", "-c", "cat; echo error >&2; sleep 0.1; exit 3", "a b"],
      pid,
      exitCode: 3,
    });
    assertEquals([stdinBytes, stdoutBytes, stderrBytes], [12, 12, 6]);
  }),
);

Deno.test(
  "serve leaves one record of every session, however it ends",
  bounded(async () => {
    await using agent = await startAgent();
    await agent.exec(["sh", "-c", "kill $$"]);
    let records = await audit(agent, 1);
    assertEquals(records[0]!["exitCode"], 143);
    assertEquals(records[0]!["signal"], "SIGTERM");

    await agent.exec(["no-such-program"]);
    records = await audit(agent, 2);
    assertEquals(records[1]!["errorCode"], "not_found");
    assertEquals(records[1]!["argv"], ["no-such-program"]);
    assertEquals(records[1]!["exitCode"], undefined);

    using broken = await agent.open("nonsense\n");
    await broken.readSession();
    records = await audit(agent, 3);
    assertEquals(records[2]!["errorCode"], "protocol");

    using info = await agent.open({ type: "info" });
    await info.readSession();
    records = await audit(agent, 4);
    assertEquals(records[3]!["kind"], "info");

    using gone = await agent.open({ type: "exec", argv: ["sleep", "60"] });
    const pid = await gone.expectStarted();
    gone.close();
    records = await audit(agent, 5);
    assertEquals(records[4]!["lost"], true);
    assertEquals(records[4]!["pid"], pid);
    assertEquals(records[4]!["exitCode"], undefined);
  }),
);

Deno.test(
  "serve records what somebody asked for, and for debugging only what a client asks for itself",
  bounded(async () => {
    await using agent = await startAgent({ env: { AGENT_LOG_LEVEL: "debug" } });
    const unix = ["--unix", agent.path];
    for (
      const args of [
        ["-t", "true"],
        ["-w", "/", "true"],
        ["--timeout=9s", "--wait=9s", "true"],
      ]
    ) {
      const { code, stderr } = await runClient([...unix, ...args]);
      assertEquals([code, stderr], [0, ""]);
    }
    assertEquals((await runClient(unix, { command: "info" })).code, 0);
    await until(() => agent.audit.length >= 8, "the records");
    const kinds = (level: string) =>
      agent.audit.filter((record) => record["level"] === level)
        .map(({ kind }) => kind);
    assertEquals(kinds("INFO"), ["exec", "exec", "exec", "info"]);
    assertEquals(kinds("DEBUG"), ["info", "info", "info", "info"]);
  }),
);

Deno.test(
  "serve never logs the variables that callers set",
  bounded(async () => {
    await using agent = await startAgent({ env: { AGENT_LOG_LEVEL: "debug" } });
    const secret = crypto.randomUUID();
    await agent.exec(["true"], { TOKEN: secret });
    await agent.exec(["no-such-program"], { TOKEN: secret });
    await agent.exec(["true"], { TOKEN: `${secret}\0` });
    await agent.exec(["true"], { "A=": secret });
    await agent.exec(["true"], { [`A=${secret}`]: "" });
    const pin = 71_829_364;
    const many = `"",`.repeat(600_000);
    const broken = [
      `"env":{"A":"${secret}"`,
      `"env":["${secret}"]}`,
      `"env":{"A":${pin}}}`,
      `"env":{"A=${secret}":1}}`,
      `"argv":["true",${pin}]}`,
      `"env":{"A":"${secret}"},"argv":[${many}""]}`,
    ];
    for (const fields of broken) {
      using wire = await agent.open(`{"type":"exec",${fields}\n`);
      await wire.readSession();
    }
    await audit(agent, 5 + broken.length);
    assertStringIncludes(agent.stderr, "no-such-program");
    assert(!agent.stderr.includes(secret), agent.stderr);
    assert(!agent.stderr.includes(String(pin)), agent.stderr);
  }),
);

Deno.test(
  "serve logs no control characters that a command line holds",
  bounded(async () => {
    await using agent = await startAgent();
    const argv = ["echo", "\x1b[31mred\nline \u2028 \x9b"];
    await agent.exec(argv);
    const [record] = await audit(agent, 1);
    assertEquals(record!["argv"], argv);
    // deno-lint-ignore no-control-regex -- they are what is looked for
    assert(!/[\x00-\x09\x0b-\x1f\x7f]/.test(agent.stderr), agent.stderr);
  }),
);

Deno.test(
  "serve keeps a record shorter than the lines that journald splits",
  bounded(async () => {
    await using agent = await startAgent();
    const long = "x".repeat(200_000);
    const commands = [
      [long],
      ["true", long],
      ["true", "\x01".repeat(200_000)],
      ["\x01".repeat(200_000), "…".repeat(200_000)],
      ["true", ...Array(20_000).fill("")],
      ["true", ...Array(200).fill(long.slice(0, 500))],
    ];
    for (const argv of commands) await agent.exec(argv);
    for (const [index, record] of (await audit(agent, 6)).entries()) {
      const bytes = new TextEncoder().encode(JSON.stringify(record)).length;
      assert(bytes < 48 * 1024, `Command ${index} takes ${bytes} bytes`);
      const argv = record["argv"] as string[];
      assert(argv.at(-1)!.endsWith("…"), argv.at(-1));
      const whole = argv.slice(0, -1);
      assertEquals(whole, commands[index]!.slice(0, whole.length));
    }
  }),
);

Deno.test(
  "serve logs a limit that was reached in a line that journald doesn't split",
  bounded(async () => {
    await using agent = await startAgent();
    await agent.exec(["…".repeat(10_000), "x".repeat(3_000_000)]);
    const record = await agent.waitForRecord(({ limit }) => !!limit);
    const bytes = new TextEncoder().encode(JSON.stringify(record)).length;
    assert(bytes < 48 * 1024, `The record takes ${bytes} bytes`);
    assertMatch(String(record["peer"]), /^uid \d+ pid \d+$/);
  }),
);

Deno.test(
  "serve logs a connection without a frame for debugging only",
  bounded(async () => {
    await using quiet = await startAgent();
    await using verbose = await startAgent({
      env: { AGENT_LOG_LEVEL: "debug" },
    });
    for (const agent of [quiet, verbose]) {
      (await agent.connect()).close();
      await agent.exec(["true"]);
      await agent.waitForRecord(({ kind }) => kind === "exec");
    }
    const isProbe = ({ message }: LogRecord) =>
      String(message).includes("without a frame");
    assertEquals(quiet.records.some(isProbe), false);
    assertEquals((await verbose.waitForRecord(isProbe))["level"], "DEBUG");
  }),
);
