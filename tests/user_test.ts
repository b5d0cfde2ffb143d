import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Agent, startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import { lacks } from "./_tools.ts";
import { text, type WireSession } from "./_wire.ts";

/** Only root can become somebody else. */
const ignore = Deno.uid() !== 0;

/** Runs a command as somebody, with some input, to its end. */
async function runAs(
  agent: Agent,
  user: string,
  argv: readonly string[],
  input = "",
): Promise<WireSession> {
  using wire = await agent.open({ type: "exec", argv, user });
  const frames = [
    { type: "stdin", data: btoa(input) },
    { type: "stdin_close" },
  ];
  await wire.trySend(frames);
  return await wire.readSession();
}

Deno.test({
  name: "serve lets another user open the standard streams by their paths",
  ignore,
  fn: bounded(async () => {
    await using agent = await startAgent();
    const script =
      "cat /dev/stdin >/dev/stdout; echo oops >/dev/stderr; echo more >/proc/self/fd/1";
    const argv = ["sh", "-c", script];
    const { stdout, stderr, end } = await runAs(agent, "nobody", argv, "in\n");
    assertEquals(end, { type: "exit" }, text(stderr));
    assertEquals([text(stdout), text(stderr)], ["in\nmore\n", "oops\n"]);
  }),
});

/** Two names for one uid, each in groups of its own. */
const PASSWD = `root:x:0:0::/:/bin/sh
alice:x:5001:5000::/:/bin/sh
bob:x:5001:5001::/:/bin/sh
`;
const GROUP = "root:x:0:\na:x:5000:\nb:x:5001:\nwheel:x:6000:alice\n";

Deno.test({
  name:
    "serve gives a user the groups of that name, and not of the uid's first",
  ignore: ignore || lacks("unshare"),
  fn: bounded(async () => {
    const folder = Deno.makeTempDirSync({ prefix: "users-" });
    try {
      Deno.writeTextFileSync(`${folder}/passwd`, PASSWD);
      Deno.writeTextFileSync(`${folder}/group`, GROUP);
      const script = `mount --bind ${folder}/passwd /etc/passwd &&
        mount --bind ${folder}/group /etc/group && exec "$@"`;
      await using agent = await startAgent({
        prefix: ["unshare", "--mount", "sh", "-c", script, "sh"],
      });
      const groups = async (user: string) => {
        const { stdout } = await runAs(agent, user, ["id", "-G"]);
        return text(stdout).trim().split(" ").map(Number);
      };
      assertEquals(await groups("bob"), [5001]);
      assertEquals(await groups("alice"), [5000, 6000]);
      assertEquals(await groups("bob:a"), [5000]);
      assertEquals(await groups("5001:b"), [5001, 6000]);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }),
});

Deno.test({
  name: "serve hands no file to a shell that isn't one of its scripts",
  ignore,
  fn: bounded(async () => {
    await using agent = await startAgent();
    Deno.chmodSync(agent.folder, 0o755);
    const path = `${agent.folder}/file`;
    Deno.writeTextFileSync(path, "echo run by sh\n", { mode: 0o755 });
    for (const user of ["root", "nobody"]) {
      const { end } = await runAs(agent, user, [path]);
      assertEquals(end["code"], "not_executable");
      assertStringIncludes(String(end["message"]), "#!/bin/sh");
    }
    const { end } = await agent.exec([path]);
    assertEquals(end["code"], "not_executable");
    assertStringIncludes(String(end["message"]), "#!/bin/sh");
  }),
});

Deno.test({
  name:
    "serve says of a script's interpreter that it is missing, for every user",
  ignore,
  fn: bounded(async () => {
    await using agent = await startAgent();
    Deno.chmodSync(agent.folder, 0o755);
    const path = `${agent.folder}/script`;
    for (
      const [line, words] of [
        ["#!/no/such/interpreter\n", '"/no/such/interpreter"'],
        ["#!/bin/sh\r\n", "CR LF"],
      ] as const
    ) {
      Deno.writeTextFileSync(path, line, { mode: 0o755 });
      for (const user of ["root", "nobody"]) {
        const { end } = await runAs(agent, user, [path]);
        assertEquals(end["code"], "not_executable");
        assertStringIncludes(String(end["message"]), words);
      }
      const { end } = await agent.exec([path]);
      assertEquals(end["code"], "not_executable");
      assertStringIncludes(String(end["message"]), words);
    }
  }),
});

Deno.test({
  name: "serve tells a setpriv that fails from a command that does",
  ignore: ignore || lacks("unshare"),
  fn: bounded(async () => {
    // In such a namespace nobody may change the supplementary groups.
    await using agent = await startAgent({
      prefix: ["unshare", "--user", "--map-root-user"],
    });
    const { frames, end } = await runAs(agent, "root", ["true"]);
    assertEquals(frames.length, 1);
    assertEquals(end["code"], "not_executable");
    assertMatch(
      String(end["message"]),
      /^Cannot run "true": becoming that user failed: .*setpriv/,
    );
    assertEquals((await agent.exec(["true"])).end, { type: "exit" });
  }),
});
