import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Agent, startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import { BINARY } from "./_program.ts";
import { text } from "./_wire.ts";

/** Checks that a command is refused, and returns what is said about it. */
async function assertDenied(
  agent: Agent,
  argv: readonly string[],
  env?: Record<string, string>,
): Promise<string> {
  const { frames, end } = await agent.exec(argv, env);
  assertEquals(frames.length, 1);
  assertEquals(end.type, "error");
  assertEquals(end.code, "denied");
  const message = end.message as string;
  assertStringIncludes(message, `Cannot run ${JSON.stringify(argv[0])}: `);
  return message;
}

async function assertRuns(
  agent: Agent,
  argv: readonly string[],
  output: string,
  env?: Record<string, string>,
): Promise<void> {
  const { stdout, end } = await agent.exec(argv, env);
  assertEquals(end, { type: "exit" });
  assertEquals(text(stdout), output);
}

/** Puts a program called `echo` in a folder of its own. */
function plantEcho(agent: Agent): string {
  const folder = `${agent.folder}/bin`;
  Deno.mkdirSync(folder);
  Deno.writeTextFileSync(`${folder}/echo`, "#!/bin/sh\necho planted\n", {
    mode: 0o755,
  });
  return folder;
}

Deno.test(
  "serve --allow-run runs what it names alone",
  bounded(async () => {
    await using agent = await startAgent({ args: ["--allow-run=echo,cat"] });
    await assertRuns(agent, ["echo", "hi"], "hi\n");
    await assertRuns(agent, ["cat"], "");
    assertStringIncludes(
      await assertDenied(agent, ["sh", "-c", "echo hi"]),
      '"serve --allow-run=sh"',
    );
    // Whether a program is there is nothing for those who may not run it.
    await assertDenied(agent, ["no-such-program"]);
    const { argv } = await agent.waitForRecord(({ errorCode }) =>
      errorCode === "denied"
    );
    assertEquals(argv, ["sh", "-c", "echo hi"]);
  }),
);

Deno.test(
  "serve --allow-run means a program by name and by path, through links of folders",
  bounded(async () => {
    const real = await Deno.realPath("/bin");
    await using byName = await startAgent({ args: ["--allow-run=echo"] });
    await using byPath = await startAgent({ args: ["--allow-run=/bin/echo"] });
    for (const agent of [byName, byPath]) {
      await assertRuns(agent, ["echo", "1"], "1\n");
      await assertRuns(agent, ["/bin/echo", "2"], "2\n");
      await assertRuns(agent, [`${real}/echo`, "3"], "3\n");
      await assertRuns(agent, ["/bin/../bin/./echo", "4"], "4\n");
      await assertDenied(agent, ["/bin/sh", "-c", "echo 5"]);
      await assertDenied(agent, [`${real}/sh`, "-c", "echo 6"]);
    }
  }),
);

Deno.test(
  "serve --allow-run cannot be redirected by the caller's PATH",
  bounded(async () => {
    await using agent = await startAgent({ args: ["--allow-run=echo"] });
    const PATH = plantEcho(agent);
    await assertDenied(agent, ["echo", "hi"], { PATH });
    await assertDenied(agent, [`${PATH}/echo`, "hi"]);
    await assertDenied(agent, ["bin/echo", "hi"]);
    await Deno.symlink("/bin/sh", `${agent.folder}/sh`);
    await assertDenied(agent, ["./sh", "-c", "echo hi"]);
    // Still, the caller may set it for the program's own use.
    await assertRuns(agent, ["/bin/echo", "hi"], "hi\n", { PATH });
  }),
);

Deno.test(
  "serve --allow-run refuses variables that would load other code",
  bounded(async () => {
    await using agent = await startAgent({ args: ["--allow-run=echo"] });
    for (
      const name of ["LD_PRELOAD", "LD_LIBRARY_PATH", "GCONV_PATH", "LOCPATH"]
    ) {
      assertStringIncludes(
        await assertDenied(agent, ["echo"], { A: "b", [name]: "x.so" }),
        `"${name}"`,
      );
    }
    await assertRuns(agent, ["echo"], "\n", { OLD_PRELOAD: "x" });
    for (
      const [name, value] of [
        ["LANGUAGE", "../../../../tmp/x"],
        ["LC_ALL", "/tmp/x"],
        ["LANG", "de_DE.%n"],
        ["TERM", "../x"],
        ["TZ", ":/etc/shadow"],
      ] as const
    ) {
      assertStringIncludes(
        await assertDenied(agent, ["echo"], { [name]: value }),
        `"${name}"`,
      );
    }
    const harmless = { LANGUAGE: "de:en", LC_ALL: "C.UTF-8", TZ: "Asia/Tokyo" };
    await assertRuns(agent, ["echo"], "\n", { ...harmless, TERM: "xterm" });
  }),
);

Deno.test(
  "serve without --allow-run leaves the caller's variables alone",
  bounded(async () => {
    await using agent = await startAgent();
    await assertRuns(agent, ["printenv", "LD_LIBRARY_PATH"], "/none\n", {
      LD_LIBRARY_PATH: "/none",
    });
  }),
);

Deno.test({
  name: "serve runs what deno's own --allow-run names alone",
  // A compiled program's permissions are those it was compiled with.
  ignore: BINARY !== undefined,
  fn: bounded(async () => {
    await using agent = await startAgent({ allowRun: "echo,cat" });
    await assertRuns(agent, ["echo", "hi"], "hi\n");
    await assertRuns(agent, ["/bin/echo", "hi"], "hi\n");
    assertStringIncludes(
      await assertDenied(agent, ["sh", "-c", "echo hi"]),
      '"deno run --allow-run=sh"',
    );
    await assertDenied(agent, ["echo"], { LD_PRELOAD: "x.so" });
    await assertDenied(agent, ["echo"], { PATH: plantEcho(agent) });
  }),
});

Deno.test({
  name: "serve --allow-run narrows deno's own, and never widens it",
  ignore: BINARY !== undefined,
  fn: bounded(async () => {
    await using agent = await startAgent({
      allowRun: "echo,cat",
      args: ["--allow-run=echo,sh"],
    });
    await assertRuns(agent, ["echo", "hi"], "hi\n");
    assertStringIncludes(await assertDenied(agent, ["cat"]), "serve ");
    assertStringIncludes(await assertDenied(agent, ["sh"]), "deno run ");
    const { message } = await agent.waitForRecord(({ level }) =>
      level === "WARN"
    );
    assertStringIncludes(message as string, '--allow-run grants "sh" in vain');
  }),
});

Deno.test(
  "serve warns of programs that --allow-run names and that cannot be run",
  bounded(async () => {
    await using agent = await startAgent({
      args: ["--allow-run=echo,no-such-program,/etc/passwd"],
    });
    await assertRuns(agent, ["echo", "hi"], "hi\n");
    const warnings = agent.records.filter(({ level }) => level === "WARN")
      .map(({ message }) => message);
    assertEquals(warnings, [
      '--allow-run grants "no-such-program", which cannot be run now: No such file or directory (ENOENT)',
      '--allow-run grants "/etc/passwd", which cannot be run now: Permission denied (EACCES)',
    ]);
  }),
);
