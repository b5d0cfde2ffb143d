import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded, within } from "./_bounded.ts";
import { runClient } from "./_client.ts";
import { Peer } from "./_peer.ts";
import { ENVIRONMENT, programArgs } from "./_program.ts";
import { Terminal, terminalTest } from "./_terminal.ts";
import { text } from "./_wire.ts";

Deno.test(
  "client takes its flags as ssh and docker do",
  bounded(async () => {
    await using agent = await startAgent();
    const unix = ["--unix", agent.path];
    const print = ["sh", "-c", 'printf "%s|" "$PWD" "$A" "$LOCAL"; cat'];
    const folder = await Deno.realPath("/tmp");
    const cases: [args: string[], stdout: string][] = [
      [[...unix, "echo", "-n", "--", "--help"], "-- --help"],
      [[...unix, "-i", "cat"], "in"],
      [[...unix, "--interactive", "--", "cat"], "in"],
      [[...unix, "-n", "cat"], ""],
      [[...unix, "--no-stdin", "cat"], ""],
      [[...unix, "-w/tmp", "-eA=1", ...print], `${folder}|1||in`],
      [[...unix, "-niw", "/tmp", ...print], `${folder}|||`],
      [[...unix, "--workdir=/tmp", "-e", "LOCAL", ...print], `${folder}||l|in`],
      [[...unix, "--workdir", "/tmp", "-e", "A", ...print], `${folder}|||in`],
      [["-int", ...unix, "sh", "-c", "test -t 1; printf $?"], "0"],
    ];
    for (let at = 0; at < cases.length; at += 4) {
      await Promise.all(
        cases.slice(at, at + 4).map(async ([args, expected]) => {
          const { code, stdout, stderr } = await runClient(args, {
            stdin: "in",
            env: { LOCAL: "l" },
          });
          assertEquals([code, stdout, stderr], [0, expected, ""], `${args}`);
        }),
      );
    }
  }),
);

Deno.test(
  "client -n leaves its own stdin alone",
  bounded(async () => {
    await using agent = await startAgent();
    const script = `while read -r line; do "$@" echo "$line"; done`;
    const client = programArgs("client", ["--unix", agent.path, "-n"]);
    const loop = new Deno.Command("sh", {
      args: ["-c", script, "sh", ...client],
      env: ENVIRONMENT,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const input = loop.stdin.getWriter();
    await input.write(new TextEncoder().encode("one\ntwo\nthree\n"));
    await input.close();
    const { stdout, stderr } = await within(loop.output(), "the loop");
    assertEquals([text(stdout), text(stderr)], ["one\ntwo\nthree\n", ""]);
  }),
);

Deno.test(
  "client, info and reseed take their target from the environment, where no flag names one",
  bounded(async () => {
    await using agent = await startAgent();
    const env = { COCOON_TARGET: `unix:${agent.path}` };
    const hybrid = (path: string) => ({ COCOON_TARGET: `uds:${path}:77` });
    await using machine = new Peer(async (wire) => {
      assertEquals(await wire.readLine(), "CONNECT 77");
    });
    const [echo, info, other, behind, odd, port] = await Promise.all([
      runClient(["echo", "hi"], { env }),
      runClient(["--json"], { env, command: "info" }),
      runClient(["--unix", "/nonexistent", "true"], { env }),
      runClient(["true"], { env: hybrid(machine.path) }),
      runClient(["true"], { env: { COCOON_TARGET: "tcp:x" } }),
      runClient(["--port", "1", "true"], { env }),
    ]);
    assertEquals([echo.code, echo.stdout, echo.stderr], [0, "hi\n", ""]);
    assertEquals([info.code, info.stderr], [0, ""]);
    assertStringIncludes(other.stderr, '"/nonexistent"');
    assertStringIncludes(behind.stderr, `port 77 behind "${machine.path}"`);
    assertEquals(odd.code, 125);
    assertStringIncludes(odd.stderr, "COCOON_TARGET must be vsock:CID[:PORT]");
    assertStringIncludes(port.stderr, "--port does not go with --unix");
  }),
);

Deno.test(
  "client says that there is no shell where a command looks like one for it",
  bounded(async () => {
    await using agent = await startAgent();
    const run = (...argv: string[]) =>
      runClient(["--unix", agent.path, "--", ...argv]);
    const [piped, cd, dot, plain] = await Promise.all([
      run("echo hi | cat"),
      run("cd", "/tmp"),
      run(".", "./env"),
      run("no-such-program"),
    ]);
    assertEquals(
      piped.stderr,
      `cocoon-agent: Cannot run "echo hi | cat": No such file or directory (ENOENT); there is no shell in between: type client … -- sh -c 'echo hi | cat'\n`,
    );
    assertEquals([piped.code, cd.code, plain.code], [127, 127, 127]);
    assertStringIncludes(cd.stderr, "-- sh -c 'cd /tmp'\n");
    assertStringIncludes(dot.stderr, "-- sh -c '. ./env'\n");
    assert(!plain.stderr.includes("shell"), plain.stderr);
  }),
);

terminalTest(
  "client -tn gives a terminal without input, and leaves its own in its modes",
  async () => {
    await using agent = await startAgent();
    await using terminal = new Terminal(programArgs("client", [
      ...["-tn", "--unix", agent.path, "sh", "-c"],
      "test -t 0 && cat && echo ready && exec sleep 60",
    ]));
    await terminal.expect("ready");
    assertMatch(await terminal.settings(), /(^|\s)icanon\b/m);
    await terminal.type("\x03");
    assertEquals((await terminal.status).code, 130);
  },
);
