import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { launchAgent, startAgent } from "./_agent.ts";
import { bounded, sleep, until, untilStalled, within } from "./_bounded.ts";
import { runClient, startClient } from "./_client.ts";
import { answerWith, Peer } from "./_peer.ts";
import { writtenBytes } from "./_proc.ts";
import { ARCHITECTURE, ENVIRONMENT, programArgs } from "./_program.ts";
import { randomBytes, sha256, text } from "./_wire.ts";

Deno.test(
  "client exits as the command does",
  bounded(async () => {
    await using agent = await startAgent();
    const cases: [argv: string[], code: number][] = [
      [["true"], 0],
      [["sh", "-c", "exit 3"], 3],
      [["sh", "-c", "exit 255"], 255],
      [["sh", "-c", "kill -TERM $$"], 143],
      [["sh", "-c", "kill -KILL $$"], 137],
      [["/etc"], 126],
      [["no-such-program"], 127],
    ];
    await Promise.all(cases.map(async ([argv, expected]) => {
      const { code, stdout, stderr } = await runClient([
        ...["--unix", agent.path, "--", ...argv],
      ]);
      assertEquals(code, expected, argv.join(" "));
      assertEquals(stdout, "");
      if (argv.length === 1 && argv[0] !== "true") {
        assertStringIncludes(stderr, `cocoon-agent: Cannot run "${argv[0]}"`);
      } else assertEquals(stderr, "");
    }));
  }),
);

Deno.test(
  "client exits with 126 when the command isn't granted",
  bounded(async () => {
    await using agent = await startAgent({ args: ["--allow-run=echo"] });
    const { code, stderr } = await runClient([
      ...["--unix", agent.path, "--", "sh", "-c", "echo hi"],
    ]);
    assertEquals(code, 126);
    assertStringIncludes(stderr, "--allow-run=");
  }),
);

Deno.test(
  "client passes stdin, stdout and stderr through unchanged",
  bounded(async () => {
    await using agent = await startAgent();
    const bytes = randomBytes(5 * 1024 * 1024 + 7);
    const [cat, split] = await Promise.all([
      runClient(["--unix", agent.path, "--", "cat"], {
        stdin: new Blob([bytes as Uint8Array<ArrayBuffer>]).stream(),
      }),
      runClient([
        ...["--unix", agent.path, "--", "sh", "-c"],
        "cat; printf err >&2; printf '\\0\\377'; exit 1",
      ], { stdin: "in" }),
    ]);
    assertEquals([cat.code, cat.stderr], [0, ""]);
    assertEquals(await sha256(cat.bytes), await sha256(bytes));
    assertEquals(split.code, 1);
    assertEquals(split.stderr, "err");
    assertEquals(Array.from(split.bytes), [105, 110, 0, 255]);
  }),
);

Deno.test(
  "client ends with the command though its own stdin stays open",
  bounded(async () => {
    await using agent = await startAgent();
    // A stream that neither yields anything nor ends.
    const { readable, writable } = new TransformStream<Uint8Array>();
    await using client = startClient([
      ...["--unix", agent.path, "--", "echo", "hi"],
    ], { stdin: readable });
    const { code, stdout } = await client.output();
    assertEquals([code, stdout], [0, "hi\n"]);
    await writable.close();
  }),
);

Deno.test(
  "client keeps arguments and variables as they are",
  bounded(async () => {
    await using agent = await startAgent();
    const odd = ["", " ", "--", "-e", "--help", "$HOME", "a\nb", "ü✓", '"\\'];
    const [args, env] = await Promise.all([
      runClient([
        ...["--unix", agent.path, "--", "printf", "[%s]", ...odd],
      ]),
      runClient([
        ...["--unix", agent.path, "-e", "A=1=2", "--env", "B=", "--env=C= c "],
        ...["-e", "A=3", "--", "sh", "-c", 'echo "[$A][$B][$C]"'],
      ]),
    ]);
    assertEquals(args.stdout, odd.map((arg) => `[${arg}]`).join(""));
    assertEquals(env.stdout, "[3][][ c ]\n");
  }),
);

Deno.test(
  "client ends quietly with 141 when nobody reads its stdout",
  bounded(async () => {
    await using agent = await startAgent();
    const [program, ...args] = programArgs("client", [
      ...["--unix", agent.path, "--", "yes"],
    ]);
    const process = new Deno.Command(program, {
      args,
      env: ENVIRONMENT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reader = process.stdout.getReader();
    assert((await reader.read()).value);
    await reader.cancel();
    const stderr = new Response(process.stderr).text();
    const { code } = await within(process.status, "the end of the client");
    assertEquals(await stderr, "");
    assertEquals(code, 141);
    await until(() => agent.children.length === 0, "the end of the command");
  }),
);

Deno.test(
  "client doesn't wait for an agent with --wait 0s",
  bounded(async () => {
    await using agent = await startAgent();
    const { code, stdout } = await runClient(
      ["--unix", agent.path, "--wait", "0s", "--", "echo", "here"],
    );
    assertEquals([code, stdout], [0, "here\n"]);
  }),
);

Deno.test(
  "client says which of its outputs cannot be written to",
  bounded(async () => {
    await using agent = await startAgent();
    const client = programArgs("client", ["--unix", agent.path, "--", "yes"]);
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", 'exec "$@" >/dev/full', "sh", ...client],
      env: ENVIRONMENT,
      stdin: "null",
    }).output();
    assertEquals(code, 125);
    assertStringIncludes(text(stderr), "Cannot write to stdout: No space left");
    await until(() => agent.children.length === 0, "the end of the command");
  }),
);

Deno.test(
  "client kills the command when it is killed",
  bounded(async () => {
    await using agent = await startAgent();
    await using client = startClient([
      ...["--unix", agent.path, "--", "sleep", "60"],
    ]);
    await until(() => agent.children.length === 1, "the command");
    client.kill("SIGKILL");
    await until(() => agent.children.length === 0, "the command's end", 1000);
    await client.output();
  }),
);

Deno.test(
  "client exits with 125 and says how it is used when the usage is wrong",
  bounded(async () => {
    const unix = ["--unix", "/nonexistent"];
    const cases: [args: string[], message: string][] = [
      [[...unix], 'Say what to run, after "--"'],
      [[...unix, "--"], 'Say what to run, after "--"'],
      [["--", "true"], "exactly one of --cid N, --uds PATH and --unix PATH"],
      [[...unix, "--uds", "/x", "--", "true"], "exactly one of"],
      [[...unix, "--unix", "/x", "--", "true"], "only once"],
      [
        [...unix, "--port", "5", "--", "true"],
        "--port does not go with --unix",
      ],
      [[...unix, "--wiat", "5s", "--", "true"], 'did you mean "--wait"?'],
      [[...unix, "--connect-timeout=5", "--", "true"], "500ms, 5s or 2m"],
      [[...unix, "-e", "=b", "--", "true"], '--env must be K=V, got "=b"'],
      [[...unix, "-tx", "--", "true"], 'Unknown flag "-x" in "-tx"'],
      [
        ["ls", ...unix],
        'flags end at the first word that is none, which is "ls"',
      ],
      [["--unix", "--", "true"], "--unix needs a value"],
      [["--uds", "/x", "--port", "x", "--", "true"], "--port must be"],
    ];
    // A few at a time: each is a process.
    for (let at = 0; at < cases.length; at += 4) {
      await Promise.all(
        cases.slice(at, at + 4).map(async ([args, message]) => {
          const { code, stdout, stderr } = await runClient(args);
          assertEquals(code, 125, args.join(" "));
          assertEquals(stdout, "");
          assertStringIncludes(stderr, message);
          assertStringIncludes(stderr, 'Try "cocoon-agent help client"');
        }),
      );
    }
  }),
);

Deno.test(
  "client shows its help on stdout when it is asked to",
  bounded(async () => {
    const [help, command] = await Promise.all([
      runClient(["--help"]),
      runClient(["--unix", "/nonexistent", "--", "true", "--help"]),
    ]);
    assertEquals([help.code, help.stderr], [0, ""]);
    assertMatch(help.stdout, /^Usage:$/m);
    // What follows "--" is the command's.
    assertEquals([command.code, command.stdout], [125, ""]);
  }),
);

Deno.test(
  "client exits with 125 and names the agent when it cannot be reached",
  bounded(async () => {
    await using closing = answerWith();
    await using silent = new Peer((_, closing) => closing);
    const cases: [target: string[], message: RegExp][] = [
      [["--unix", "/nonexistent/agent.sock"], /ENOENT/],
      [["--unix", closing.path], /closed without an answer/],
      [
        ["--unix", silent.path, "--connect-timeout", "300ms"],
        /no answer within 300 ms/,
      ],
    ];
    await Promise.all(cases.map(async ([target, message]) => {
      const { code, stdout, stderr } = await runClient([
        ...[...target, "--", "true"],
      ]);
      assertEquals([code, stdout], [125, ""]);
      assertMatch(stderr, message);
      assertStringIncludes(stderr, `Cannot reach the agent at "${target[1]}"`);
      assertEquals(stderr.split(target[1]!).length, 2, stderr);
      assertEquals(stderr.trimEnd().split("\n").length, 1);
    }));
  }),
);

Deno.test(
  "client --wait runs the command as soon as the agent is up",
  bounded(async () => {
    const folder = await Deno.makeTempDir({ prefix: "wait-" });
    try {
      const path = `${folder}/agent.sock`;
      await using client = startClient([
        ...["--unix", path, "--wait", "9s", "--", "echo", "up"],
      ]);
      await sleep(300);
      await using agent = launchAgent({ path });
      await agent.ready();
      const { code, stdout, stderr } = await client.output();
      assertEquals([code, stdout, stderr], [0, "up\n", ""]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }),
);

Deno.test(
  "client --wait gives up when its time is over",
  bounded(async () => {
    await using closing = answerWith();
    const cases: [path: string, reason: string][] = [
      ["/nonexistent/agent.sock", "ENOENT"],
      [closing.path, "closed without an answer"],
    ];
    await Promise.all(cases.map(async ([path, reason]) => {
      const { code, stdout, stderr } = await runClient([
        ...["--unix", path, "--wait", "400ms", "--", "true"],
      ]);
      assertEquals([code, stdout], [125, ""]);
      assertStringIncludes(stderr, `No agent at "${path}" within 0.4 s: `);
      assertStringIncludes(stderr, reason);
      assertEquals(stderr.split(path).length, 2, stderr);
    }));
  }),
);

Deno.test(
  "client --wait goes on when connections are reset",
  bounded(async () => {
    await using agent = await startAgent();
    await using restarting = new Peer(async (wire) => {
      // What is not read when it is closed resets a connection.
      await sleep(50);
      if (restarting.connections <= 3) return;
      using guest = await agent.connect();
      await Promise.all([wire.forwardTo(guest), guest.forwardTo(wire)]);
    });
    const { code, stdout, stderr } = await runClient([
      ...["--unix", restarting.path, "--wait", "9s", "--", "echo", "up"],
    ]);
    assertEquals([code, stdout, stderr], [0, "up\n", ""]);
  }),
);

Deno.test(
  "client exits with 125 and names the agent when the connection is reset",
  bounded(async () => {
    await using resetting = new Peer(() => sleep(100));
    const { code, stdout, stderr } = await runClient([
      ...["--unix", resetting.path, "--", "true"],
    ]);
    assertEquals([code, stdout], [125, ""]);
    assertStringIncludes(
      stderr,
      `Cannot reach the agent at "${resetting.path}": `,
    );
  }),
);

Deno.test(
  "client --wait says so when the agent has accepted and never answers",
  bounded(async () => {
    await using silent = new Peer((_, closing) => closing);
    const { code, stdout, stderr } = await runClient([
      ...["--unix", silent.path, "--wait", "400ms", "--", "true"],
    ]);
    assertEquals([code, stdout], [125, ""]);
    assertEquals(
      stderr,
      `cocoon-agent: No agent at "${silent.path}" within 0.4 s: it never answered\n`,
    );
  }),
);

/** Kills a process that may have ended with the agent that started it. */
function killIfThere(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

Deno.test(
  "client exits with 125 and blames the connection when the agent is killed",
  bounded(async () => {
    await using agent = await startAgent();
    const cases: [script: string, stdin: string][] = [
      // The agent has read all that was sent to it; or it hasn't, which makes
      // the connection end by a reset.
      ["echo $$; exec sleep 20 >&- 2>&-", ""],
      ["echo $$; exec sleep 20 >&- 2>&-", "x".repeat(4 * 1024 * 1024)],
    ];
    const clients = cases.map(([script, stdin]) =>
      startClient(["--unix", agent.path, "--", "sh", "-c", script], { stdin })
    );
    await using _1 = clients[0]!;
    await using _2 = clients[1]!;
    const children = await until(
      () => agent.children.length === 2 && agent.children,
      "the commands",
    );
    await untilStalled(() => writtenBytes(clients[1]!.pid), "stdin");
    agent.kill("SIGKILL");
    try {
      for (const client of clients) {
        const { code, stdout, stderr } = await client.output();
        assertEquals(code, 125);
        assertMatch(stdout, /^\d+\n$/);
        assertMatch(
          stderr,
          /^cocoon-agent: The connection to the agent broke before the command ended[^\n]*\n$/,
        );
      }
    } finally {
      for (const { pid } of children) killIfThere(pid);
    }
  }),
);

Deno.test(
  "info shows what the agent says, for people and as JSON",
  bounded(async () => {
    await using agent = await startAgent();
    const [plain, json] = await Promise.all([
      runClient(["--unix", agent.path], { command: "info" }),
      runClient(["--unix", agent.path, "--json"], { command: "info" }),
    ]);
    assertEquals([plain.code, plain.stderr], [0, ""]);
    assertMatch(plain.stdout, /^version +\d+\.\d+\.\d+$/m);
    assertEquals([json.code, json.stderr], [0, ""]);
    assertEquals(json.stdout.trimEnd().split("\n").length, 1);
    const { arch, protocol } = JSON.parse(json.stdout);
    assertEquals({ arch, protocol }, { arch: ARCHITECTURE, protocol: 1 });
  }),
);
