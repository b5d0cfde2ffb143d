import { assert, assertEquals } from "@std/assert";
import { type Agent, type LogRecord, startAgent } from "./_agent.ts";
import { Logs } from "./_audit_logs.ts";
import { bounded, until } from "./_bounded.ts";
import { BINARY } from "./_program.ts";

/** A compiled program may write in one folder alone, which is the machine's. */
const ignore = BINARY !== undefined;

/** As large as a file grows. */
const FULL = 10 * 1024 * 1024;
/** How long the record of a session that ran nothing may be, in bytes. */
const SHORT = 1024;

/** Runs commands that are not found, with as many arguments as records hold. */
async function flood(agent: Agent, count: number): Promise<void> {
  const argv = ["no-such-program", ...Array(30).fill("x".repeat(1000))];
  const some = async () => {
    while (count-- > 0) {
      assertEquals((await agent.exec(argv)).end.code, "not_found");
    }
  };
  await Promise.all(Array.from({ length: 10 }, some));
}

/** Returns how many sessions that ran nothing some records tell of. */
function countWithoutRun(records: readonly LogRecord[]): number {
  return records.reduce((sum, { event, ran, unlogged }) => {
    if (event === "omitted") return sum + Number(unlogged);
    return ran === false ? sum + 1 : sum;
  }, 0);
}

function size(path: string): number {
  return Deno.statSync(path).size;
}

Deno.test(
  "serve records some dozens of sessions that ran nothing one by one, shortly",
  bounded(async () => {
    await using agent = await startAgent();
    const long = "…".repeat(3000);
    const quotes = `"`.repeat(3000);
    const odd = [
      [long, long],
      [quotes, quotes],
      ["\x01".repeat(3000), ...Array(100).fill("")],
    ];
    for (const argv of odd) await agent.exec(argv);
    using none = await agent.open({
      type: "exec",
      argv: ["true", long],
      user: quotes,
      cwd: long,
    });
    await none.readSession();
    using broken = await agent.open(`{"type":${quotes}\n`);
    await broken.readSession();
    await flood(agent, 60);
    await until(() => agent.audit.length === 65, "the records");
    const lines = agent.stderr.split("\n").filter((line) =>
      line.includes('"ran":false')
    );
    assertEquals(lines.length, 65);
    for (const line of lines) {
      const bytes = new TextEncoder().encode(line).length;
      assert(bytes <= SHORT, `${bytes} bytes: ${line}`);
    }
    const last = agent.audit.at(-1)!;
    assertEquals((last["argv"] as string[])[0], "no-such-program");
    assertEquals(last["errorCode"], "not_found");
  }),
);

Deno.test({
  name: "serve counts a flood of sessions that ran nothing",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    await using agent = await logs.start();
    await agent.exec(["true", "before"]);
    await flood(agent, 1500);
    const flooded = agent.audit.length;
    await agent.exec(["true", "after"]);
    await until(() => logs.ends().at(-1)!["ran"] === true, "the last record");
    const records = logs.read();
    assertEquals(countWithoutRun(records), 1500);
    assertEquals(countWithoutRun(agent.records), 1500);
    // As many as in ten seconds, or in twenty where the flood takes that long.
    assert(flooded < 500, `${flooded} records`);
    assert(size(logs.file) < 500 * SHORT);
    assertEquals(records[0]!["argv"], ["true", "before"]);
    // Whoever reads the record of a start has read that others were before.
    assertEquals(records.at(-3)!["event"], "omitted");
    assertEquals(records.at(-2)!["event"], "start");
  }),
});

Deno.test({
  name: "serve fills no audit file with sessions that ran nothing",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    // A tenth of the rest is room for some records.
    const rest = 30_000;
    const old = `{"old":true}\n`.padStart(FULL - rest);
    Deno.writeTextFileSync(logs.file, old);
    let told = 0;
    let before = size(logs.file);
    // Each start has a tenth of what the last one left.
    for (let start = 0; start < 3; start++) {
      await using agent = await logs.start();
      await flood(agent, 60);
      await until(() => agent.audit.length === 60, "the records on stderr");
      agent.kill("SIGTERM");
      await agent.status;
      told += 60;
      assertEquals(countWithoutRun(logs.read()), told);
      // The last line is the count.
      const taken = size(logs.file) - before;
      assert(taken <= rest / 10 + 300, `${taken} bytes`);
      before = size(logs.file);
    }
    await using agent = await logs.start();
    await flood(agent, 60);
    await until(() => agent.audit.length === 60, "the records on stderr");
    await agent.exec(["true"]);
    await until(() => logs.ends().at(-1)!["ran"] === true, "the last record");
    assertEquals(countWithoutRun(logs.read()), told + 60);
    assertEquals(
      [...Deno.readDirSync(logs.folder)].map(({ name }) => name),
      ["audit.jsonl"],
    );
  }),
});

Deno.test({
  name: "serve gives a new audit file room for sessions that ran nothing",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    const old = `{"old":true}\n`.padStart(FULL);
    Deno.writeTextFileSync(logs.file, old);
    await using agent = await logs.start();
    await flood(agent, 20);
    await until(() => agent.audit.length === 20, "the records on stderr");
    assertEquals(size(logs.file), FULL);
    await agent.exec(["true"]);
    await flood(agent, 20);
    await until(() => logs.ends().length === 22, "the records in the file");
    assertEquals(
      logs.ends().map(({ ran, unlogged }) => ran ?? unlogged),
      [20, true, ...Array(20).fill(false)],
    );
    assertEquals(size(`${logs.file}.1`), FULL);
  }),
});
