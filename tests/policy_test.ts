import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Agent, launchAgent, startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import { ENVIRONMENT, programArgs } from "./_program.ts";
import { text, type WireFrame, type WireSession } from "./_wire.ts";

/** Should it listen after all, it can't. */
const NOWHERE = "--listen=unix:/nonexistent/agent.sock";

/** A policy file in a folder of its own. */
class PolicyFile implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "policy-" });
  readonly path = `${this.folder}/policy.json`;

  constructor(...rules: readonly Record<string, unknown>[]) {
    this.write(JSON.stringify({ version: 1, rules }));
  }

  write(text: string): void {
    Deno.writeTextFileSync(this.path, text);
    // Whatever the mask is.
    Deno.chmodSync(this.path, 0o644);
  }

  async start(...args: readonly string[]): Promise<Agent> {
    return await startAgent({ args: ["--policy", this.path, ...args] });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

const allow = (more: Record<string, unknown>) => ({ effect: "allow", ...more });

async function run(
  agent: Agent,
  frame: Omit<WireFrame, "type">,
): Promise<WireSession> {
  using wire = await agent.open({ type: "exec", ...frame });
  await wire.trySend([{ type: "stdin_close" }]);
  return await wire.readSession();
}

async function assertDenied(
  agent: Agent,
  frame: Omit<WireFrame, "type">,
  reason: string,
): Promise<void> {
  const { frames, end } = await run(agent, frame);
  assertEquals(frames.length, 1);
  assertEquals([end.type, end["code"]], ["error", "denied"]);
  assertStringIncludes(end["message"] as string, reason);
}

/** Runs `serve --check-policy` to its end. */
async function check(
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [program, ...rest] = programArgs("serve", args);
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: rest,
    env: ENVIRONMENT,
  }).output();
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test(
  "serve --policy runs what a rule allows, names the rule in its record, and denies the rest",
  bounded(async () => {
    using policy = new PolicyFile(
      { effect: "deny", name: "not that", programs: ["echo"], args: ["no"] },
      allow({ name: "greet", programs: ["echo"], args: ["*", "**"] }),
      allow({ programs: ["true"] }),
    );
    await using agent = await policy.start();
    const { stdout, end } = await run(agent, { argv: ["echo", "hi", "all"] });
    assertEquals([text(stdout), end], ["hi all\n", { type: "exit" }]);
    await run(agent, { argv: ["true"] });
    await assertDenied(agent, { argv: ["echo", "no"] }, 'rule "not that" of');
    await assertDenied(agent, { argv: ["echo"] }, 'the nearest is "greet"');
    await assertDenied(
      agent,
      { argv: ["true", "x"] },
      "rules[2], but it takes",
    );
    await assertDenied(agent, { argv: ["sh", "-c", "id"] }, "no rule of the");
    await assertDenied(agent, { argv: ["no-such-program"] }, "no rule of the");
    await agent.waitForRecord(({ task }) => task === "exec no-such-program");
    assertEquals(agent.audit.map(({ rule, errorCode }) => [rule, errorCode]), [
      ["greet", undefined],
      ["rules[2]", undefined],
      ...Array(5).fill([undefined, "denied"]),
    ]);
  }),
);

Deno.test(
  "serve --policy goes by the program's file, and not by what the caller calls it",
  bounded(async () => {
    using policy = new PolicyFile(
      allow({ programs: ["echo"], args: ["**"], env: ["PATH"], cwd: ["/**"] }),
    );
    await using agent = await policy.start();
    const cwd = `${policy.folder}/bin`;
    Deno.mkdirSync(cwd);
    Deno.symlinkSync("/bin/sh", `${cwd}/echo`);
    const reason = 'no rule of the policy is for "';
    for (
      const [name, choices] of [
        ["echo", { env: { PATH: cwd } }],
        [`${cwd}/echo`, {}],
        ["./echo", { cwd }],
      ] as const
    ) {
      const request = { argv: [name], ...choices };
      await assertDenied(agent, request, `${reason}${name}"`);
    }
    const { end } = await run(agent, { argv: ["/bin/../bin/echo"] });
    assertEquals(end, { type: "exit" });
  }),
);

Deno.test(
  "serve --policy lets callers choose folders, variables, terminals and users by its rules alone",
  bounded(async () => {
    using policy = new PolicyFile();
    const real = Deno.realPathSync(policy.folder);
    Deno.mkdirSync(`${real}/in/side`, { recursive: true });
    Deno.symlinkSync("/", `${real}/in/out`);
    policy.write(JSON.stringify({
      version: 1,
      rules: [
        allow({ programs: ["pwd"], cwd: [`${real}/in/**`] }),
        allow({ programs: ["printenv"], args: ["*"], env: ["A_*"] }),
        allow({ programs: ["tty"], tty: true }),
      ],
    }));
    await using agent = await policy.start();
    for (const cwd of [`${real}/in`, `${real}/in/side`, `${real}/in/../in`]) {
      const { end } = await run(agent, { argv: ["pwd"], cwd });
      assertEquals(end, { type: "exit" });
    }
    for (const cwd of [real, "/", `${real}/in/out`, `${real}/in/side/../..`]) {
      await assertDenied(agent, { argv: ["pwd"], cwd }, "it is not for folder");
    }
    const argv = ["printenv", "A_B"];
    const { stdout } = await run(agent, { argv, env: { A_B: "1" } });
    assertEquals(text(stdout), "1\n");
    const secret = crypto.randomUUID();
    for (const name of ["B", "LD_PRELOAD", "A", "a_b"]) {
      const env = { A_B: "1", [name]: secret };
      await assertDenied(agent, { argv, env }, `variable "${name}"`);
    }
    await assertDenied(
      agent,
      { argv, clear_env: true },
      "may not clear the agent's variables",
    );
    const tty = { rows: 24, cols: 80 };
    const terminal = await run(agent, { argv: ["tty"], tty });
    assertStringIncludes(text(terminal.stdout), "/dev/pts/");
    await assertDenied(
      agent,
      { argv: ["tty"], tty: { ...tty, term: "../x" } },
      'variable "TERM" holds a "/"',
    );
    await assertDenied(
      agent,
      { argv: ["pwd"], tty },
      "may not have a terminal",
    );
    const user = String(Deno.uid());
    await assertDenied(
      agent,
      { argv: ["pwd"], user },
      "may not choose the user",
    );
    assert(!agent.stderr.includes(secret));
  }),
);

Deno.test({
  name: "serve --policy lets callers become the users that it names",
  ignore: Deno.uid() !== 0,
  fn: bounded(async () => {
    using policy = new PolicyFile(
      allow({ programs: ["id"], args: ["-u"], users: ["nobody"] }),
    );
    await using agent = await policy.start();
    const argv = ["id", "-u"];
    for (const user of ["nobody", "65534"]) {
      const { stdout } = await run(agent, { argv, user });
      assertEquals(text(stdout), "65534\n");
    }
    await assertDenied(agent, { argv }, "it is not for uid 0");
    for (const user of ["root", "0", "nobody:0", "nobody:root"]) {
      await assertDenied(agent, { argv, user }, `not for user "${user}"`);
    }
  }),
});

Deno.test(
  "serve --policy ends commands after the longest time that a rule allows",
  bounded(async () => {
    using policy = new PolicyFile(
      allow({ programs: ["sleep"], args: ["*"], maxTimeout: "200ms" }),
    );
    await using agent = await policy.start();
    const argv = ["sleep", "60"];
    assertEquals((await run(agent, { argv })).end["timed_out"], true);
    const shorter = await run(agent, { argv, timeout_ms: 100 });
    assertEquals(shorter.end["timed_out"], true);
    await assertDenied(
      agent,
      { argv, timeout_ms: 201 },
      "time limit is longer",
    );
  }),
);

Deno.test(
  "serve --policy answers info, and reseeds if the policy says so",
  bounded(async () => {
    using policy = new PolicyFile();
    await using agent = await policy.start();
    using info = await agent.open({ type: "info" });
    assertEquals((await info.readSession()).end, { type: "exit" });
    using reseed = await agent.open({ type: "reseed" });
    const { end } = await reseed.readSession();
    assertEquals(end["code"], "denied");
    assertStringIncludes(end["message"] as string, 'set "reseed" to true');
  }),
);

Deno.test(
  "serve reads its policy again on SIGHUP, and running commands go on",
  bounded(async () => {
    using policy = new PolicyFile(allow({ programs: ["cat"] }));
    await using agent = await policy.start();
    const reloaded = (count: number) =>
      agent.waitForRecord(({ logger, rules }) =>
        logger === "cocoon-agent.serve" && rules === count
      );
    using running = await agent.open({ type: "exec", argv: ["cat"] });
    await running.expectStarted();
    await assertDenied(agent, { argv: ["true"] }, "no rule of the policy");

    policy.write(JSON.stringify({
      version: 1,
      rules: [allow({ programs: ["true"] }), allow({ programs: ["pwd"] })],
    }));
    Deno.kill(agent.pid, "SIGHUP");
    await reloaded(2);
    assertEquals((await run(agent, { argv: ["true"] })).end, { type: "exit" });
    await assertDenied(agent, { argv: ["cat"] }, "no rule of the policy");

    policy.write('{"version": 1,\n "rules": [{"effect": "allow"}]}');
    Deno.kill(agent.pid, "SIGHUP");
    const { level, message } = await agent.waitForRecord(({ message }) =>
      String(message).includes("stays as it was")
    );
    assertEquals(level, "ERROR");
    assertStringIncludes(message as string, "rules[0].programs is missing");
    assertStringIncludes(message as string, policy.path);
    assertEquals((await run(agent, { argv: ["true"] })).end, { type: "exit" });

    policy.write(JSON.stringify({ version: 1, rules: [] }));
    Deno.kill(agent.pid, "SIGHUP");
    await reloaded(0);
    await assertDenied(agent, { argv: ["true"] }, "no rule of the policy");

    await running.send({ type: "stdin_close" });
    assertEquals((await running.readSession()).end, { type: "exit" });
  }),
);

Deno.test(
  "serve without a policy survives SIGHUP",
  bounded(async () => {
    await using agent = await startAgent();
    Deno.kill(agent.pid, "SIGHUP");
    await agent.waitForRecord(({ message }) =>
      String(message).startsWith("Nothing to reload")
    );
    assertEquals((await agent.exec(["true"])).end, { type: "exit" });
  }),
);

for (
  const [what, content, reason] of [
    ["isn't JSON", '{"version": 1,\n  "rules": [}', "line 2, column 13: "],
    ["has a key twice", '{"version": 1, "version": 1}', "line 1, column 16"],
    [
      "has a key that isn't known",
      '{"version": 1, "rules": [{"effect": "deny", "arg": []}]}',
      "rules[0].arg is not known here; known are ",
    ],
    ["isn't there", undefined, "No such file"],
    ["others may write to", "", "take that away with chmod go-w"],
    ["is too large", " ".repeat(300_000), "it has more than 262144 bytes"],
  ] as const
) {
  Deno.test(
    `serve refuses to start with a policy file that ${what}`,
    bounded(async () => {
      using policy = new PolicyFile();
      if (content === undefined) Deno.removeSync(policy.path);
      else if (content === "") Deno.chmodSync(policy.path, 0o666);
      else policy.write(content);
      await using agent = launchAgent({ args: ["--policy", policy.path] });
      agent.mayEnd();
      assertEquals((await agent.status).code, 2);
      const { level, message } = agent.records[0]!;
      assertEquals(level, "ERROR");
      assertStringIncludes(
        message as string,
        `Cannot use the policy in "${policy.path}": `,
      );
      assertStringIncludes(message as string, reason);

      const { code, stderr } = await check([
        ...["--check-policy", policy.path, "--", "true"],
      ]);
      assertEquals(code, 2);
      assertStringIncludes(stderr, reason);
    }),
  );
}

Deno.test(
  "serve --check-policy explains a decision, rule by rule",
  bounded(async () => {
    using policy = new PolicyFile(
      { effect: "deny", name: "no shells", programs: ["sh", "bash"] },
      allow({
        programs: ["echo"],
        args: ["a*", "**"],
        env: ["LC_*"],
        cwd: ["/usr/**"],
        cids: [3],
        tty: true,
        maxTimeout: "5s",
      }),
    );
    const explain = (...args: string[]) =>
      check(["--check-policy", policy.path, ...args]);
    const echo = Deno.realPathSync("/bin") + "/echo";
    const chosen = ["-teLC_ALL=C", "--workdir=/usr/bin", "--cid=3"];
    assertEquals(await explain(...chosen, "--", "echo", "ab"), {
      code: 0,
      stdout: [
        "allowed: rule rules[1] of the policy allows it, for 5 s at most",
        `  "no shells" (deny): it is not for "${echo}"`,
        "  rules[1] (allow): matches",
        "",
      ].join("\n"),
      stderr: "",
    });
    const denied = await explain("--timeout=6s", "--cid=3", "--", "echo", "a");
    assertEquals(denied, {
      code: 1,
      stdout: [
        "denied: no rule of the policy allows it; the nearest is rules[1], but the caller's time limit is longer than 5 s",
        `  "no shells" (deny): it is not for "${echo}"`,
        "  rules[1] (allow): the caller's time limit is longer than 5 s",
        "",
      ].join("\n"),
      stderr: "",
    });
    for (
      const [args, reason] of [
        [["--", "sh"], 'rule "no shells" of the policy denies it'],
        [["--", "echo", "a"], "it is not for callers without a CID"],
        [["--cid=4", "--", "echo", "a"], "it is not for CID 4"],
        [["--env", "A", "--", "echo", "a"], 'not set variable "A"'],
        [["--clear-env", "--", "echo", "a"], "may not clear the agent's"],
        [["--cwd=/", "--", "echo", "a"], 'it is not for folder "/"'],
        [["--user=root", "--", "echo", "a"], "may not choose the user"],
      ] as const
    ) {
      const { code, stdout } = await explain(...args);
      assertEquals(code, 1);
      assertStringIncludes(stdout, reason);
    }
    const { code, stderr } = await explain("--", "no-such-program");
    assertEquals(code, 1);
    assertStringIncludes(stderr, 'Cannot run "no-such-program"');
    // No command could start there.
    const inFile = await explain(`--cwd=${policy.path}`, "--", "echo", "a");
    assertEquals([inFile.code, inFile.stdout], [1, ""]);
    assertStringIncludes(inFile.stderr, "Not a directory (ENOTDIR)");
  }),
);

for (
  const [args, reason] of [
    [["--check-policy", "f"], '--check-policy needs a command after "--"'],
    [["--check-policy=f", "--port=1", "--", "a"], "--port is not for --check"],
    [["--check-policy=f", "--redact=*", "--", "a"], "--redact is not for --ch"],
    [[NOWHERE, "--user=root"], "--user is for --check-policy only"],
    [[NOWHERE, "--tty"], "--tty is for --check-policy only"],
    [[NOWHERE, "--clear-env"], "--clear-env is for --check-policy only"],
    [[NOWHERE, "--env=A"], "--env is for --check-policy only"],
    [["--check-policy=f", "--env==b", "--", "a"], "of a variable is empty"],
    [[NOWHERE, "--", "true"], '"--" with --check-policy only'],
    [[NOWHERE, "true"], 'with --check-policy only, got "true"'],
  ] as const
) {
  Deno.test(
    `serve refuses ${args.filter((arg) => arg !== NOWHERE).join(" ")}`,
    bounded(async () => {
      const { code, stderr } = await check(args);
      assertEquals(code, 2);
      assertStringIncludes(stderr, reason);
    }),
  );
}

Deno.test(
  "serve --policy warns of a program that --allow-run doesn't grant, also after a SIGHUP",
  bounded(async () => {
    using policy = new PolicyFile(allow({ programs: ["echo", "uname"] }));
    await using agent = await policy.start("--allow-run=echo,true");
    const warned = await agent.waitForRecord(({ level }) => level === "WARN");
    assertStringIncludes(warned["message"] as string, "in vain");
    assertStringIncludes(warned["message"] as string, "/uname");
    await assertDenied(agent, { argv: ["uname"] }, "--allow-run");

    policy.write(JSON.stringify({
      version: 1,
      rules: [allow({ programs: ["true", "id"] })],
    }));
    Deno.kill(agent.pid, "SIGHUP");
    await agent.waitForRecord(({ message }) =>
      String(message).includes('/id"')
    );
    const warnings = agent.records.filter(({ level }) => level === "WARN");
    assertEquals(warnings.length, 2);
  }),
);
