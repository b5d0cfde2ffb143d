import { assertEquals, assertGreater } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { isInstalled } from "../packaging/_test_utils.ts";
import { startAgent } from "./_agent.ts";
import { bounded, until, within } from "./_bounded.ts";
import { BINARY, ENVIRONMENT, programArgs, SOURCES } from "./_program.ts";
import { text } from "./_wire.ts";

/** What a page prints between fences of a language, in order; `""` is for none. */
function fenced(page: string, language: string): string[] {
  const markdown = Deno.readTextFileSync(`${SOURCES}${page}`);
  return [...markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .filter((fence) => fence[1] === language)
    .map(([, , block = ""]) => block);
}

/** The commands of a page that are printed with their output. */
function printedCommands(page: string): { line: string; output: string }[] {
  return fenced(page, "").flatMap((block) =>
    [...block.matchAll(/^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm)]
      .map(([, line = "", output = ""]) => ({ line, output }))
  );
}

/** Runs a program in a folder that has one file. */
async function runBeside(
  file: string,
  content: string,
  [program, ...args]: readonly [string, ...string[]],
): Promise<Deno.CommandOutput> {
  const folder = await Deno.makeTempDir({ prefix: "docs-" });
  try {
    await Deno.writeTextFile(`${folder}/${file}`, content);
    return await within(
      new Deno.Command(program, { args, cwd: folder, env: ENVIRONMENT })
        .output(),
      program,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: "serve --check-policy says of the example what docs/policy.md prints",
  ignore: !await isInstalled("journalctl"),
  fn: bounded(async () => {
    const example = Deno.readTextFileSync(`${SOURCES}packaging/policy.json`);
    const commands = printedCommands("docs/policy.md");
    assertGreater(commands.length, 1);
    for (const { line, output } of commands) {
      const [, command, ...args] = line.split(" ");
      assertEquals(command, "serve");
      const { code, stdout, stderr } = await runBeside(
        "policy.json",
        example,
        programArgs("serve", args),
      );
      assertEquals([text(stdout), text(stderr)], [output, ""], line);
      assertEquals(code, output.startsWith("allowed") ? 0 : 1, line);
    }
  }),
});

Deno.test({
  name: "the queries in docs/operating.md print what it prints",
  ignore: !await isInstalled("jq"),
  fn: bounded(async () => {
    const [records = ""] = fenced("docs/operating.md", "jsonl");
    assertGreater(records.length, 0);
    const commands = printedCommands("docs/operating.md");
    assertEquals(commands.length, 3);
    for (const { line, output } of commands) {
      const { stdout, stderr } = await runBeside(
        "audit.jsonl",
        records,
        ["sh", "-c", line],
      );
      assertEquals([text(stdout), text(stderr)], [output, ""], line);
    }
  }),
});

Deno.test({
  name: "the query in docs/operating.md takes the records out of a unit's log",
  ignore: !await isInstalled("jq"),
  fn: bounded(async () => {
    const [records = ""] = fenced("docs/operating.md", "jsonl");
    const pipeline = fenced("docs/operating.md", "sh")
      .find((block) => block.startsWith("journalctl "))!;
    const others = [
      ...["Started cocoon-agent.service - Cocoon agent.", "{", "[1]", "1"],
      ...["null", '{"logger":"cocoon-agent.serve"}'],
    ];
    const log = [...others, records, ...others].join("\n");
    const { stdout, stderr } = await runBeside(
      "log",
      log,
      ["sh", "-c", pipeline.replace(/^journalctl [^|]*/, "cat log ")],
    );
    assertEquals([text(stdout), text(stderr)], [records, ""]);
  }),
});

Deno.test(
  "docs/operating.md explains every field of the records that sessions leave",
  bounded(async () => {
    const page = Deno.readTextFileSync(`${SOURCES}docs/operating.md`);
    const rows = page.match(/^\| `.*/gm) ?? [];
    const explained = new Set(
      rows.flatMap((row) => row.split("|")[1]!.match(/[@A-Za-z]+/g) ?? []),
    );
    await using agent = await startAgent();
    const commands = [["true"], ["sh", "-c", "kill $$"], ["no-such-program"]];
    for (const argv of commands) await agent.exec(argv);
    using timed = await agent.open({
      type: "exec",
      argv: ["sleep", "60"],
      cwd: "/",
      timeout_ms: 1,
    });
    await timed.readSession();
    using gone = await agent.open({ type: "exec", argv: ["sleep", "60"] });
    await gone.expectStarted();
    gone.close();
    await until(
      () => agent.audit.some((record) => record["lost"]),
      "the last record",
    );
    const fields = new Set(agent.audit.flatMap(Object.keys));
    assertEquals([...fields.difference(explained)], []);
    const printed = fenced("docs/operating.md", "jsonl").join("").trim()
      .split("\n").flatMap((line) => Object.keys(JSON.parse(line)));
    assertEquals([...new Set(printed).difference(explained)], []);
  }),
);

Deno.test({
  name: "a program in another folder uses the API as README says",
  ignore: BINARY !== undefined,
  fn: bounded(async () => {
    const [imports = ""] = fenced("README.md", "json");
    await using agent = await startAgent();
    const folder = await Deno.makeTempDir({ prefix: "library-" });
    try {
      await Deno.writeTextFile(
        `${folder}/deno.json`,
        imports.replace("/src/cocoon-agent/", SOURCES),
      );
      await Deno.writeTextFile(
        `${folder}/main.ts`,
        `import { info, output, spawn } from "@cocoonstack/agent";
        const target = { unix: ${JSON.stringify(agent.path)} };
        const { stdout } = await output(target, ["echo", "hi"]);
        await using process = await spawn(target, ["sh", "-c", "exit 7"]);
        const { code } = await process.status;
        console.log(stdout.length, code, (await info(target))?.protocol);`,
      );
      const libraries = config.tasks.client.command
        .match(/--allow-ffi=\S+/)![0];
      const { stdout, stderr, code } = await within(
        new Deno.Command(Deno.execPath(), {
          args: ["run", "--quiet", "--check", libraries, "main.ts"],
          cwd: folder,
          env: ENVIRONMENT,
        }).output(),
        "the program",
      );
      assertEquals([code, text(stdout), text(stderr)], [0, "3 7 1\n", ""]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
    const { imports: own } = config;
    for (const [name, place] of Object.entries(JSON.parse(imports).imports)) {
      if (name in own) assertEquals(place, own[name as keyof typeof own]);
    }
  }),
});
