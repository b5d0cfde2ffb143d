import { assertEquals, assertStringIncludes } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import { BINARY, programArgs } from "./_program.ts";
import { lacks } from "./_tools.ts";
import { text } from "./_wire.ts";

/** Starts a program with a variable that isn't UTF-8, in front of its command line. */
function withVariable(name: string, value: string): string[] {
  return ["sh", "-c", `export ${name}="$(printf '${value}')"; exec "$@"`, "sh"];
}

Deno.test(
  "serve passes variables on that aren't UTF-8",
  bounded(async () => {
    await using agent = await startAgent({
      prefix: withVariable("ODD", "a\\377\\303\\251\\200z"),
    });
    const argv = ["sh", "-c", `printf %s "$ODD" | od -An -tx1; echo $SHLVL`];
    const { stdout, end } = await agent.exec(argv);
    assertEquals(end, { type: "exit" });
    assertStringIncludes(text(stdout), "61 ff c3 a9 80 7a");
  }),
);

Deno.test(
  "serve finds programs by a PATH that isn't UTF-8, also below its odd folder",
  bounded(async () => {
    const folder = Deno.makeTempDirSync({ prefix: "path-" });
    try {
      const script = `mkdir "$0/$(printf 'x\\377')" &&
        printf '#!/bin/sh\\necho found\\n' > "$0/$(printf 'x\\377')/tool" &&
        chmod 755 "$0/$(printf 'x\\377')/tool"`;
      const { success } = new Deno.Command("sh", {
        args: ["-c", script, folder],
      }).outputSync();
      assertEquals(success, true);
      await using agent = await startAgent({
        prefix: withVariable(
          "PATH",
          `${Deno.env.get("PATH")}:${folder}/x\\377`,
        ),
      });
      const { stdout, end } = await agent.exec(["tool"]);
      assertEquals([text(stdout), end], ["found\n", { type: "exit" }]);
      assertEquals((await agent.exec(["true"])).end, { type: "exit" });
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }),
);

Deno.test(
  "serve refuses half of a character, wherever it is, before anything runs",
  bounded(async (t) => {
    await using agent = await startAgent();
    const path = `${agent.folder}/ran`;
    const half = "a\\ud800";
    const argv = `"touch","${path}"`;
    for (
      const [where, fields] of Object.entries({
        "an argument": `"argv":[${argv},"${half}"]`,
        "the program": `"argv":["${half}"]`,
        "a variable": `"argv":[${argv}],"env":{"A":"${half}"}`,
        "a variable's name": `"argv":[${argv}],"env":{"${half}":"b"}`,
        "the folder": `"argv":[${argv}],"cwd":"/${half}"`,
        "the user": `"argv":[${argv}],"user":"${half}"`,
        "the terminal's kind":
          `"argv":[${argv}],"tty":{"rows":24,"cols":80,"term":"${half}"}`,
      })
    ) {
      await t.step(where, async () => {
        using wire = await agent.open(`{"type":"exec",${fields}}\n`);
        const { frames, end } = await wire.readSession();
        assertEquals([frames.length, end["code"]], [1, "protocol"]);
        assertStringIncludes(String(end["message"]), "half of a character");
      });
    }
    assertEquals((await agent.exec(["test", "-e", path])).end, {
      type: "exit",
      exit_code: 1,
    });
  }),
);

Deno.test({
  name: "client refuses an argument that isn't UTF-8",
  // The runtime of a compiled program ends before any script then.
  ignore: BINARY !== undefined || lacks("sh"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    const argv = programArgs("client", ["--unix", agent.path, "--", "printf"]);
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", `exec "$@" "%s" "$(printf 'a\\377')"`, "sh", ...argv],
    }).output();
    assertEquals(text(stdout), "");
    assertEquals(agent.audit.length, 0);
    // Older runtimes refuse such arguments themselves.
    if (text(stderr).includes("invalid UTF-8 was detected")) return;
    assertEquals(code, 125);
    assertStringIncludes(text(stderr), String.raw`"a\xff"`);
  }),
});

Deno.test(
  "client does without a variable for the language that isn't UTF-8",
  bounded(async () => {
    await using agent = await startAgent();
    const argv = programArgs("client", [
      ...["--unix", agent.path, "-t", "--"],
      ...["sh", "-c", "echo [$LC_ALL]"],
    ]);
    const [program, ...args] = [...withVariable("LC_ALL", "x\\377"), ...argv];
    const { code, stdout } = await new Deno.Command(program!, {
      args,
      stdin: "null",
    }).output();
    assertEquals(code, 0);
    // The agent's own is left.
    assertStringIncludes(text(stdout), `[${Deno.env.get("LC_ALL") ?? ""}]`);
  }),
);
