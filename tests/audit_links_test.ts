import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { launchAgent, startAgent } from "./_agent.ts";
import { Logs, mode } from "./_audit_logs.ts";
import { bounded, until } from "./_bounded.ts";
import { BINARY } from "./_program.ts";

/** A compiled program may write in one folder alone, which is the machine's. */
const ignore = BINARY !== undefined;

/** Starts an agent that must refuse to, and returns what it says. */
async function refusal(logs: Logs, path: string): Promise<string> {
  await using agent = launchAgent({
    args: ["--audit-file", path],
    logFolder: logs.folder,
  });
  agent.mayEnd();
  assertEquals((await agent.status).code, 1, agent.stderr);
  return agent.stderr;
}

/** A file that isn't the agent's. */
class Target implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "target-" });
  readonly path = `${this.folder}/target`;

  constructor() {
    Deno.writeTextFileSync(this.path, "untouched\n");
    Deno.chmodSync(this.path, 0o644);
  }

  check(): void {
    assertEquals(Deno.readTextFileSync(this.path), "untouched\n");
    assertEquals(mode(this.path), 0o644);
    assertEquals([...Deno.readDirSync(this.folder)].length, 1);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test({
  name: "serve refuses to start with a link in the place of an audit file",
  ignore,
  fn: bounded(async () => {
    using target = new Target();
    for (const suffix of ["", ".1", ".4"]) {
      for (const [to, why] of [[target.path, "a file"], ["none", "nothing"]]) {
        using logs = new Logs();
        const link = `${logs.file}${suffix}`;
        Deno.symlinkSync(to!, link);
        const text = await refusal(logs, logs.file);
        assertStringIncludes(
          text,
          `Cannot keep audit records in "${logs.file}"`,
        );
        assertStringIncludes(text, "a symbolic link", why);
        assertStringIncludes(text, "remove it");
        if (suffix) assertStringIncludes(text, `"${link}"`);
        assert(Deno.lstatSync(link).isSymlink);
        target.check();
      }
    }
  }),
});

Deno.test({
  name: "serve follows no link that comes in the place of an audit file",
  ignore,
  fn: bounded(async () => {
    using target = new Target();
    using logs = new Logs();
    await using agent = await logs.start();
    await agent.exec(["true"]);
    await until(() => logs.ends().length === 1, "a record");
    Deno.renameSync(logs.file, `${logs.file}.old`);
    Deno.symlinkSync(target.path, logs.file);
    assertEquals((await agent.exec(["true"])).end, { type: "exit" });
    const { message } = await agent.waitForRecord(({ lost }) => !!lost);
    assertStringIncludes(String(message), "a symbolic link");
    const lost = () =>
      agent.records.reduce((sum, { lost }) => sum + Number(lost ?? 0), 0);
    await until(() => lost() === 2, "the loss of the start and the end");
    target.check();
    assertEquals(logs.ends(`${logs.file}.old`).length, 1);
    Deno.removeSync(logs.file);
    await agent.exec(["echo"]);
    await until(() => logs.ends().length === 1, "the record in a new file");
    assertEquals(logs.ends()[0]!["argv"], ["echo"]);
    assertEquals(mode(logs.file), 0o600);
  }),
});

Deno.test({
  name: "serve writes through no link that is in the place of an older file",
  ignore,
  fn: bounded(async () => {
    using target = new Target();
    using logs = new Logs();
    await using agent = await logs.start();
    const full = `{"old":true}\n`.padStart(10 * 1024 * 1024);
    Deno.writeTextFileSync(logs.file, full);
    for (const number of [1, 2, 3, 4]) {
      Deno.symlinkSync(target.path, `${logs.file}.${number}`);
    }
    await agent.exec(["true"]);
    await until(() => logs.ends().at(-1)?.["ran"], "the record");
    assertEquals(Deno.lstatSync(`${logs.file}.1`).size, full.length);
    target.check();
  }),
});

Deno.test({
  name: "serve leaves the mode of an audit file alone that others made",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    Deno.writeTextFileSync(logs.file, `{"old":true}\n`);
    Deno.chmodSync(logs.file, 0o640);
    await using agent = await logs.start();
    await agent.exec(["true"]);
    await until(() => logs.ends().length === 2, "the record");
    assertEquals(mode(logs.file), 0o640);
    // As logrotate does.
    Deno.renameSync(logs.file, `${logs.file}.old`);
    Deno.writeTextFileSync(logs.file, "");
    Deno.chmodSync(logs.file, 0o660);
    await agent.exec(["true"]);
    await until(() => logs.ends().length === 1, "the record in the new file");
    assertEquals(mode(logs.file), 0o660);
    assertEquals(mode(`${logs.file}.old`), 0o640);
  }),
});

Deno.test({
  name: "serve keeps its audit file to itself whatever its umask",
  ignore,
  fn: bounded(async () => {
    for (const umask of ["000", "777"]) {
      using logs = new Logs();
      await using _ = await logs.start({
        prefix: ["sh", "-c", `umask ${umask}; exec "$@"`, "sh"],
      });
      assertEquals(mode(logs.file), 0o600);
    }
  }),
});

Deno.test({
  name: "serve refuses an audit file in a folder that a link leads elsewhere",
  ignore,
  fn: bounded(async () => {
    using target = new Target();
    using logs = new Logs();
    Deno.symlinkSync(target.folder, `${logs.folder}/away`);
    Deno.mkdirSync(`${logs.folder}/below/deeper`, { recursive: true });
    Deno.symlinkSync("below/deeper", `${logs.folder}/near`);
    for (const path of ["away/audit", "near/../../../audit"]) {
      const text = await refusal(logs, `${logs.folder}/${path}`);
      assertStringIncludes(text, "may write none but in /var/log/cocoon-agent");
    }
    target.check();
    await using agent = await startAgent({
      args: ["--audit-file", `${logs.folder}/near/audit`],
      logFolder: logs.folder,
    });
    await agent.exec(["true"]);
    await until(
      () => logs.ends(`${logs.folder}/below/deeper/audit`).length === 1,
      "the record",
    );
  }),
});

Deno.test({
  name: "serve refuses an audit file that is a pipe",
  ignore,
  fn: bounded(async () => {
    using logs = new Logs();
    await new Deno.Command("mkfifo", { args: [logs.file] }).output();
    const text = await refusal(logs, logs.file);
    assertStringIncludes(text, "it is no regular file");
  }),
});
