import { assert, assertEquals, assertMatch } from "@std/assert";
import { type LogRecord, startAgent } from "./_agent.ts";
import { Logs } from "./_audit_logs.ts";
import { bounded, until } from "./_bounded.ts";
import { BINARY } from "./_program.ts";
import type { Wire } from "./_wire.ts";

/** A compiled program may write in one folder alone, which is the machine's. */
const ignore = BINARY !== undefined;

/** Checks that what was logged tells of a command, and of its start alone. */
function assertStarted(records: LogRecord[], pid: number): void {
  assertEquals(
    records.map((record) => [record["event"], record["pid"], record["argv"]]),
    [["start", pid, ["sleep", "60"]]],
  );
}

Deno.test({
  name: "serve has recorded a command when its client knows that it started",
  ignore,
  fn: bounded(async () => {
    for (let count = 0; count < 5; count++) {
      using logs = new Logs();
      await using agent = await logs.start();
      using wire = await agent.open({ type: "exec", argv: ["sleep", "60"] });
      const pid = await wire.expectStarted();
      agent.kill("SIGKILL");
      try {
        await agent.status;
        assertStarted(agent.auditOf("start"), pid);
        assertStarted(logs.read(), pid);
      } finally {
        Deno.kill(pid, "SIGKILL");
      }
    }
  }),
});

Deno.test(
  "serve records the same of a command at its start as at its end",
  bounded(async () => {
    await using agent = await startAgent({ args: ["--redact=--token=*"] });
    const argv = ["sh", "-c", "exit 3", "--token=s3", "x".repeat(50_000)];
    using wire = await agent.open({ type: "exec", argv, cwd: "/" });
    await wire.readSession();
    await until(() => agent.audit.length === 1, "the end's record");
    const [start] = agent.auditOf("start");
    const [end] = agent.audit;
    assertMatch(String(start!["session"]), /^[0-9a-f]{16}$/);
    assertMatch(String(start!["message"]), /^Session of .+ started: exec sh$/);
    assertEquals((start!["argv"] as string[])[3], "--token=[redacted]");
    assertEquals(start!["cwd"], "/");
    const differing = ["@timestamp", "event", "message"];
    for (const [name, value] of Object.entries(start!)) {
      if (!differing.includes(name)) assertEquals(end![name], value, name);
    }
    assert(agent.records.indexOf(start!) < agent.records.indexOf(end!));
  }),
);

Deno.test(
  "serve gives each session an id of its own",
  bounded(async () => {
    await using agent = await startAgent();
    for (let count = 0; count < 10; count++) await agent.exec(["true"]);
    await until(() => agent.audit.length === 10, "the records");
    const ids = agent.audit.map(({ session }) => session);
    assertEquals(new Set(ids).size, 10);
    assertEquals(agent.auditOf("start").map(({ session }) => session), ids);
  }),
);

Deno.test(
  "serve records no start of what ran nothing",
  bounded(async () => {
    await using agent = await startAgent({ args: ["--allow-run=true"] });
    const session = async (wire: Wire) => {
      using _ = wire;
      await wire.readSession();
    };
    await session(await agent.open({ type: "info" }));
    await session(await agent.open({ type: "exec", argv: ["sleep", "1"] }));
    await session(
      await agent.open({ type: "exec", argv: ["true"], cwd: "/none" }),
    );
    await session(await agent.open("nonsense\n"));
    await agent.exec(["true"]);
    await until(() => agent.audit.length === 5, "the records");
    assertEquals(agent.auditOf("start").length, 1);
    assertEquals(agent.audit.map(({ ran }) => ran), [
      ...[false, false, false, false, true],
    ]);
  }),
);

Deno.test({
  name: "serve starts commands while nobody reads its log",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    await using agent = await logs.start();
    agent.holdLog();
    const long = "x".repeat(20_000);
    for (let count = 1; count <= 20; count++) {
      using wire = await agent.open({ type: "exec", argv: ["cat", long] });
      const pid = await wire.expectStarted();
      assertEquals(logs.read().at(-1)!["pid"], pid);
      await wire.readSession();
      await until(() => logs.ends().length === count, "the end's record");
    }
  }),
});
