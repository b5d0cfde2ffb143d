import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { exists, launchAgent, startAgent } from "./_agent.ts";
import { Logs, mode } from "./_audit_logs.ts";
import { bounded, until } from "./_bounded.ts";
import { BINARY } from "./_program.ts";

/** A compiled program may write in one folder alone, which is the machine's. */
const ignore = BINARY !== undefined;

const NOT_THERE =
  "this program may write none but in /var/log/cocoon-agent; choose a file there";

Deno.test({
  name: "serve --audit-file keeps the sessions' records, and nothing else",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    await using agent = await logs.start({
      env: { AGENT_LOG_LEVEL: "debug" },
    });
    (await agent.connect()).close();
    await agent.exec(["echo", "a b"]);
    await agent.exec(["no-such-program"]);
    await until(() => agent.audit.length === 2, "the records on stderr");
    await until(() => logs.read().length === 3, "the records in the file");
    const records = logs.read();
    assertEquals(
      records,
      agent.records.filter(({ logger, level }) =>
        logger === "cocoon-agent.audit" && level !== "DEBUG"
      ),
    );
    assertEquals(records.map(({ event, argv }) => [event, argv]), [
      ["start", ["echo", "a b"]],
      ["end", ["echo", "a b"]],
      ["end", ["no-such-program"]],
    ]);
    assertEquals(mode(logs.file), 0o600);
  }),
});

Deno.test({
  name: "serve --audit-file keeps records that AGENT_LOG_LEVEL leaves out",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    const agent = launchAgent({
      args: ["--audit-file", logs.file],
      env: { AGENT_LOG_LEVEL: "error" },
      logFolder: logs.folder,
    });
    await using _ = agent;
    await until(async () => {
      try {
        await agent.exec(["true"]);
        return true;
      } catch (error) {
        // Its socket's file is there a moment before it listens.
        const early = error instanceof Deno.errors.NotFound ||
          error instanceof Deno.errors.ConnectionRefused;
        if (early) return false;
        throw error;
      }
    }, "the agent to accept");
    agent.kill("SIGTERM");
    assertEquals((await agent.status).code, 0);
    assertEquals(logs.ends().length, 1);
    assertEquals(agent.records, []);
  }),
});

Deno.test({
  name: "serve --audit-file begins a new file when one is full, and keeps four",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    const full = 10 * 1024 * 1024;
    const old = `{"old":true}\n`.padStart(full);
    Deno.writeTextFileSync(logs.file, old, { mode: 0o644 });
    for (const number of [1, 2, 3, 4]) {
      Deno.writeTextFileSync(`${logs.file}.${number}`, `{"n":${number}}\n`);
    }
    await using agent = await logs.start();
    await agent.exec(["true"]);
    await until(() => agent.audit.length === 1, "the record on stderr");
    await until(() => logs.ends().length === 1, "the record in the file");
    assertEquals(logs.ends(), agent.audit);
    assertEquals(mode(logs.file), 0o600);
    assertEquals(mode(`${logs.file}.1`), 0o644);
    assertEquals(Deno.statSync(`${logs.file}.1`).size, full);
    assertEquals(
      [2, 3, 4].map((number) => logs.ends(`${logs.file}.${number}`)[0]!["n"]),
      [1, 2, 3],
    );
    assertEquals([...Deno.readDirSync(logs.folder)].length, 5);
    await agent.exec(["true"]);
    await until(() => logs.ends().length === 2, "the next record");
    assertEquals(mode(logs.file), 0o600);
  }),
});

Deno.test({
  name: "serve --audit-file begins the file again that somebody removed",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    await using agent = await logs.start();
    await agent.exec(["true"]);
    await until(() => logs.ends().length === 1, "a record");
    Deno.removeSync(logs.file);
    await agent.exec(["echo"]);
    await until(() => agent.audit.length === 2, "the record on stderr");
    await until(() => logs.ends().length === 1, "the record in the file");
    assertEquals(logs.ends(), agent.audit.slice(1));
    assertEquals(mode(logs.file), 0o600);
  }),
});

Deno.test({
  name: "serve --audit-file goes over to the file that was put in its place",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    await using agent = await logs.start();
    await agent.exec(["true"]);
    await until(() => logs.ends().length === 1, "a record");
    // As logrotate does.
    Deno.renameSync(logs.file, `${logs.file}.old`);
    Deno.writeTextFileSync(logs.file, "", { mode: 0o600 });
    await agent.exec(["echo"]);
    await until(() => agent.audit.length === 2, "the record on stderr");
    await until(() => logs.ends().length === 1, "the record in the file");
    assertEquals(logs.ends(), agent.audit.slice(1));
    assertEquals(logs.ends(`${logs.file}.old`), agent.audit.slice(0, 1));
  }),
});

Deno.test({
  name: "serve --audit-file keeps records again once a new file can be begun",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    const old = `{"old":true}\n`.padStart(10 * 1024 * 1024);
    Deno.writeTextFileSync(logs.file, old);
    const inTheWay = [1, 2, 3, 4].map((number) => `${logs.file}.${number}`);
    for (const path of inTheWay) {
      Deno.mkdirSync(`${path}/x`, { recursive: true });
    }
    await using agent = await logs.start();
    assertEquals((await agent.exec(["true"])).end, { type: "exit" });
    await agent.waitForRecord(({ logger }) => logger === "logtape.meta");
    assertEquals(logs.ends(), [{ old: true }]);
    for (const path of inTheWay) Deno.removeSync(path, { recursive: true });
    await agent.exec(["echo"]);
    await until(() => agent.audit.length === 2, "the record on stderr");
    await until(() => exists(`${logs.file}.1`), "the new file");
    await until(() => logs.ends().length === 1, "the record in the file");
    assertEquals(logs.ends(), agent.audit.slice(1));
  }),
});

Deno.test({
  name: "serve says when the audit file takes no record, and serves on",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    // Blocks of 512 bytes; without the signal, the limit is an error.
    const limit = 'trap "" XFSZ; ulimit -f 4; exec "$@"';
    await using agent = await logs.start({
      prefix: ["sh", "-c", limit, "sh"],
    });
    for (let count = 0; count < 10; count++) {
      const { end } = await agent.exec(["echo", "x".repeat(500)]);
      assertEquals(end, { type: "exit" });
    }
    await until(() => agent.audit.length === 10, "the records on stderr");
    const { level } = await agent.waitForRecord(({ logger }) =>
      logger === "logtape.meta"
    );
    assertEquals(level, "WARN");
    assert(Deno.statSync(logs.file).size <= 2048);
  }),
});

Deno.test({
  name: "serve --audit-file keeps records again once there is room",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    const limit = 'trap "" XFSZ; ulimit -f 4; exec "$@"';
    await using agent = await logs.start({
      prefix: ["sh", "-c", limit, "sh"],
    });
    for (let count = 1; count <= 10; count++) {
      await agent.exec(["echo", "x".repeat(500)]);
      await until(() => agent.audit.length === count, "the record on stderr");
    }
    await agent.waitForRecord(({ message }) =>
      String(message).includes("File too large (EFBIG)")
    );
    Deno.truncateSync(logs.file);
    await agent.exec(["true"]);
    await until(() => agent.audit.length === 11, "the record on stderr");
    const last = agent.audit.at(-1);
    await until(
      () => logs.ends().at(-1)?.["session"] === last?.["session"],
      "the record in the file",
    );
    // One that was being written meanwhile may be in front of them.
    assertEquals(logs.read().slice(-2), [agent.auditOf("start").at(-1), last]);
  }),
});

Deno.test({
  name: "serve --audit-file begins a line of its own behind half of one",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    const half = `{"old":`;
    Deno.writeTextFileSync(logs.file, half);
    await using agent = await logs.start();
    const lines = () => Deno.readTextFileSync(logs.file).split("\n");
    await agent.exec(["true"]);
    await until(() => lines().length === 4, "the records");
    // As a write to a full disk leaves one.
    Deno.writeTextFileSync(logs.file, half, { append: true });
    await agent.exec(["true"]);
    await until(() => lines().length === 7, "the next records");
    await until(() => agent.audit.length === 2, "the records on stderr");
    assertEquals(lines().map((line) => line && line !== half), [
      ...[false, true, true, false, true, true, ""],
    ]);
  }),
});

Deno.test(
  "serve refuses to start with an audit file that it cannot keep",
  bounded(async () => {
    using logs = new Logs();
    Deno.mkdirSync(`${logs.folder}/folder`);
    for (
      const [path, reason] of [
        [`${logs.folder}/folder`, "it is no regular file"],
        [`${logs.folder}/none/audit`, "its folder isn't there; make it"],
        ["/proc/audit", NOT_THERE],
      ] as const
    ) {
      const agent = launchAgent({
        args: ["--audit-file", path],
        logFolder: logs.folder,
      });
      await using _ = agent;
      agent.mayEnd();
      assertEquals((await agent.status).code, 1);
      assertStringIncludes(
        agent.stderr,
        `cocoon-agent: Cannot keep audit records in "${path}": `,
      );
      assertStringIncludes(agent.stderr, BINARY ? NOT_THERE : reason);
    }
  }),
);

Deno.test(
  "serve --redact keeps parts of arguments out of all records",
  bounded(async () => {
    await using agent = await startAgent({
      args: ["--redact=--token=*", "--redact", "Authorization: *"],
      env: { AGENT_LOG_LEVEL: "debug" },
    });
    const secret = crypto.randomUUID();
    const args = [`--token=${secret}`, `Authorization: ${secret}`, "--plain"];
    for (const name of ["echo", "no-such-program"]) {
      await agent.exec([name, ...args]);
      const record = await agent.waitForRecord(({ argv }) =>
        (argv as string[] | undefined)?.[0] === name
      );
      assertEquals(record["argv"], [
        name,
        "--token=[redacted]",
        "Authorization: [redacted]",
        "--plain",
      ]);
    }
    assert(!agent.stderr.includes(secret), agent.stderr);
  }),
);

Deno.test(
  "serve refuses a --redact that would leave nothing out",
  bounded(async () => {
    await using agent = launchAgent({ args: ["--redact=--token="] });
    agent.mayEnd();
    assertEquals((await agent.status).code, 2);
    assertStringIncludes(agent.stderr, '--redact needs a "*"');
  }),
);
