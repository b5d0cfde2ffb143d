import {
  assert,
  assertArrayIncludes,
  assertEquals,
  assertGreaterOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { type Agent, startAgent } from "./_agent.ts";
import { bounded, until } from "./_bounded.ts";
import { membersOf } from "./_proc.ts";
import { ARCHITECTURE } from "./_program.ts";
import { text, type WireSession } from "./_wire.ts";

/** Only root can become somebody else. */
const ignore = Deno.uid() !== 0;

/** Runs a command without input, placed as the fields say, to its end. */
async function run(
  agent: Agent,
  argv: readonly string[],
  fields: Readonly<Record<string, unknown>>,
): Promise<WireSession> {
  using wire = await agent.open({ type: "exec", argv, ...fields });
  await wire.trySend([{ type: "stdin_close" }]);
  return await wire.readSession();
}

/** Runs a command that must succeed, and returns what it prints. */
async function print(
  agent: Agent,
  argv: readonly string[],
  fields: Readonly<Record<string, unknown>>,
): Promise<string> {
  const { end, stdout, stderr } = await run(agent, argv, fields);
  assertEquals(end, { type: "exit" }, text(stderr));
  return text(stdout).trimEnd();
}

/** Runs a command that must not start, and returns what is said of it. */
async function refuse(
  agent: Agent,
  argv: readonly string[],
  fields: Readonly<Record<string, unknown>>,
): Promise<{ code: string; message: string }> {
  const { frames, end } = await run(agent, argv, fields);
  assertEquals(frames.map(({ type }) => type), ["error"]);
  return end as unknown as { code: string; message: string };
}

Deno.test(
  "serve names in started what was asked for and is granted",
  bounded(async () => {
    await using agent = await startAgent();
    const tty = { rows: 24, cols: 80 };
    const cases: [fields: Record<string, unknown>, features: string[]][] = [
      [{ cwd: "/" }, ["placement"]],
      [{ timeout_ms: 60_000 }, ["placement"]],
      [{ clear_env: true }, ["placement"]],
      [{ tty }, ["tty"]],
      [{ features: ["signals"] }, ["signals"]],
      [{ features: ["flow"] }, ["flow"]],
      [{ features: ["x-unknown", "signals"] }, ["signals"]],
      [
        { cwd: "/", tty, features: ["flow", "signals"] },
        ["flow", "placement", "signals", "tty"],
      ],
    ];
    for (const [fields, expected] of cases) {
      const { frames, end } = await run(agent, ["/bin/true"], fields);
      const started = frames[0] as unknown as {
        type: string;
        features: string[];
      };
      assertEquals(started.type, "started");
      assertEquals(started.features.toSorted(), expected);
      assertEquals("window" in started, expected.includes("flow"));
      assertEquals(end, { type: "exit" });
    }
  }),
);

Deno.test(
  "serve answers a client that asks for nothing as the core says",
  bounded(async () => {
    await using agent = await startAgent();
    const asked: Record<string, unknown>[] = [
      {},
      { features: [] },
      { features: null, cwd: null, user: null, tty: null, timeout_ms: null },
      { features: ["x-unknown"] },
    ];
    for (const fields of asked) {
      const { frames, pid } = await run(agent, ["true"], fields);
      assertEquals(frames, [{ type: "started", pid }, { type: "exit" }]);
    }
  }),
);

Deno.test(
  "serve runs the command in the folder that cwd names",
  bounded(async () => {
    await using agent = await startAgent();
    const cwd = `${agent.folder}/a folder`;
    Deno.mkdirSync(cwd);
    Deno.writeTextFileSync(`${cwd}/tool`, '#!/bin/sh\necho "tool in $(pwd)"\n');
    Deno.chmodSync(`${cwd}/tool`, 0o755);
    const real = Deno.realPathSync(cwd);

    assertEquals(await print(agent, ["pwd", "-P"], { cwd }), real);
    assertEquals(await print(agent, ["sh", "-c", "pwd"], { cwd }), real);
    assertEquals(await print(agent, ["pwd", "-P"], { cwd: "/" }), "/");
    // A relative program is one of that folder.
    assertEquals(await print(agent, ["./tool"], { cwd }), `tool in ${real}`);
    const { code, message } = await refuse(agent, ["./tool"], { cwd: "/" });
    assertEquals(code, "not_found");
    assertStringIncludes(message, '"./tool"');
  }),
);

Deno.test(
  "serve answers with an error that names the folder when cwd is none",
  bounded(async () => {
    await using agent = await startAgent();
    const file = `${agent.folder}/file`;
    Deno.writeTextFileSync(file, "");
    for (const cwd of ["/no/such/folder", file]) {
      const { code, message } = await refuse(agent, ["true"], { cwd });
      assertEquals(code, "not_executable");
      assertStringIncludes(message, JSON.stringify(cwd));
    }
    const empty = await refuse(agent, ["true"], { cwd: "" });
    assertEquals(empty.code, "not_executable");
    assertMatch(empty.message, /^Cannot run "true": .*""/);
    const nul = await refuse(agent, ["true"], { cwd: "/with\0nul" });
    assertEquals(nul.code, "protocol");
    assertMatch(nul.message, /^Cannot run "true": .*NUL/);
    assertEquals((await refuse(agent, ["true"], { cwd: 1 })).code, "protocol");
  }),
);

Deno.test({
  name: "serve runs the command as the user that is asked for",
  ignore,
  fn: bounded(async () => {
    await using agent = await startAgent();
    const [uid, gid] = ids("nobody");
    const [, daemonGid] = ids("daemon");
    const cases: [user: string, ids: string][] = [
      ["nobody", `${uid}:${gid}`],
      [uid, `${uid}:${gid}`],
      [`${uid}:${daemonGid}`, `${uid}:${daemonGid}`],
      ["nobody:daemon", `${uid}:${daemonGid}`],
      [`nobody:${daemonGid}`, `${uid}:${daemonGid}`],
      ["root", "0:0"],
    ];
    for (const [user, expected] of cases) {
      const script =
        'echo "$(id -u):$(id -g)"; grep -E "^[UG]id" /proc/$$/status';
      const printed = await print(agent, ["sh", "-c", script], { user });
      const [first, ...lines] = printed.split("\n");
      assertEquals(first, expected, user);
      // Real, effective, saved and file system ids.
      const all = lines.map((line) => new Set(line.split("\t").slice(1)));
      assertEquals(all.map(({ size }) => size), [1, 1]);
    }
  }),
});

Deno.test({
  name: "serve gives the command the environment of its user",
  ignore,
  fn: bounded(async () => {
    await using agent = await startAgent({ env: { KEPT: "kept" } });
    const [, , , home, shell] = account("nobody");
    const script = 'echo "$HOME $USER $LOGNAME $SHELL $KEPT"';
    const argv = ["/bin/sh", "-c", script];
    assertEquals(
      await print(agent, argv, { user: "nobody" }),
      `${home} nobody nobody ${shell} kept`,
    );
    // The caller's own variables win.
    assertEquals(
      await print(agent, argv, { user: "nobody", env: { HOME: "/tmp" } }),
      `/tmp nobody nobody ${shell} kept`,
    );
  }),
});

Deno.test({
  name: "serve gives the command all groups of its user and no other",
  ignore,
  fn: bounded(async () => {
    const folder = Deno.makeTempDirSync({ prefix: "groups-" });
    try {
      // Groups of the test's own, which this agent and its commands alone see.
      const groups = Deno.readTextFileSync("/etc/group");
      Deno.writeTextFileSync(
        `${folder}/group`,
        `${groups.trimEnd()}\nextra-one:x:54321:daemon,nobody\nextra-two:x:54322:nobody\n`,
      );
      const script = 'mount --bind "$1" /etc/group && shift && exec "$@"';
      await using agent = await startAgent({
        prefix: [
          ...["unshare", "--mount", "sh", "-c", script, "sh"],
          `${folder}/group`,
        ],
      });
      const groupsOf = async (user: string) =>
        (await print(agent, ["id", "-G"], { user })).split(" ").toSorted();
      const [, gid] = ids("nobody");
      assertEquals(
        await groupsOf("nobody"),
        [gid, "54321", "54322"].toSorted(),
      );
      assertEquals(
        await print(agent, ["id", "-g"], { user: "nobody:extra-two" }),
        "54322",
      );
      assertArrayIncludes(
        await groupsOf("nobody:extra-two"),
        ["54321", "54322"],
      );
      assert(!(await groupsOf("root")).includes("54321"));
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }),
});

Deno.test({
  name: "serve gives the terminal to the command's user",
  ignore,
  fn: bounded(async () => {
    await using agent = await startAgent();
    const script =
      'stat -c "%U %a" "$(tty)"; echo there >/dev/tty; echo again >"$(tty)"; ps -o tpgid= -p $$ | tr -d " "; echo $$';
    const tty = { rows: 24, cols: 80 };
    const argv = ["sh", "-c", script];
    const printed = await print(agent, argv, { user: "nobody", tty });
    const [owner, there, again, foreground, pid] = printed.split("\r\n");
    assertMatch(owner!, /^nobody 6[02]0$/);
    assertEquals([there, again, foreground], ["there", "again", pid]);
  }),
});

Deno.test({
  name: "serve answers with an error when it knows no such user",
  ignore,
  fn: bounded(async () => {
    await using agent = await startAgent();
    const missing = {
      "no-such-user": "no-such-user",
      "no-such-user:daemon": "no-such-user",
      "nobody:no-such-group": "no-such-group",
      // It takes an entry to say the group, and there is no such uid.
      "54321": "54321",
      "4294967295": "4294967295",
      "nobody:4294967295": "4294967295",
    };
    for (const [user, name] of Object.entries(missing)) {
      const { code, message } = await refuse(agent, ["true"], { user });
      assertEquals(code, "not_executable", message);
      assertMatch(message, new RegExp(`^Cannot run "true": .*\\b${name}\\b`));
    }
    for (const user of ["", ":", "nobody:", ":daemon", "nobody:daemon:more"]) {
      const { code, message } = await refuse(agent, ["true"], { user });
      assertEquals(code, "protocol", message);
      assertMatch(message, /^Cannot run "true": /);
      assertStringIncludes(message, JSON.stringify(user));
    }
  }),
});

Deno.test(
  "serve answers that another user is denied when it isn't root itself",
  bounded(async () => {
    // The files that it needs belong to root where the tests do.
    const prefix = Deno.uid() === 0 ? ["unshare", "--user"] : [];
    await using agent = await startAgent({ prefix });
    for (const user of ["nobody", "root", "0:0"]) {
      const { code, message } = await refuse(agent, ["true"], { user });
      assertEquals(code, "denied", message);
      assertMatch(message, /^Cannot run "true": .*\broot\b/);
    }
  }),
);

Deno.test({
  name: "serve checks the folder and the program also for another user",
  ignore,
  fn: bounded(async () => {
    await using agent = await startAgent();
    const user = "nobody";
    assertEquals(await print(agent, ["pwd"], { user, cwd: "/etc" }), "/etc");
    const folder = await refuse(agent, ["true"], { user, cwd: "/no/folder" });
    assertEquals(folder.code, "not_executable");
    assertStringIncludes(folder.message, '"/no/folder"');
    const program = await refuse(agent, ["no-such-program"], { user });
    assertEquals(program.code, "not_found");
    assertStringIncludes(program.message, '"no-such-program"');
    // Started as itself, and not as whoever changes the user.
    const { pid, end } = await run(agent, ["sh", "-c", "kill -9 $$"], { user });
    assert(pid !== undefined);
    assertEquals(end, { type: "exit", exit_code: 137, signal: "SIGKILL" });
  }),
});

Deno.test({
  name: "serve says what is missing when it cannot change the user",
  // An emulator is found by PATH itself.
  ignore: ignore || ARCHITECTURE !== Deno.build.arch,
  fn: bounded(async () => {
    await using agent = await startAgent({ env: { PATH: "/nonexistent" } });
    const user = "nobody";
    const { code, message } = await refuse(agent, ["/bin/true"], { user });
    assertEquals(code, "not_executable");
    assertStringIncludes(message, "setpriv");
    assertEquals(await print(agent, ["/bin/echo", "up"], {}), "up");
  }),
});

Deno.test({
  name: "serve doesn't run a setpriv that cannot change the user",
  ignore,
  fn: bounded(async () => {
    const folder = Deno.makeTempDirSync({ prefix: "setpriv-" });
    try {
      // As busybox's, which takes none of the arguments.
      Deno.writeTextFileSync(`${folder}/setpriv`, '#!/bin/sh\necho "$@"\n');
      Deno.chmodSync(`${folder}/setpriv`, 0o755);
      const PATH = `${folder}:${Deno.env.get("PATH")}`;
      await using agent = await startAgent({ env: { PATH } });
      // The caller's PATH finds the command, and not what changes the user.
      for (const env of [{}, { PATH: "/usr/bin:/bin" }]) {
        const fields = { user: "nobody", env };
        const { code, message } = await refuse(agent, ["true"], fields);
        assertEquals(code, "not_executable");
        assertStringIncludes(message, "setpriv of util-linux");
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }),
});

Deno.test(
  "serve ends the whole group when the command's time is up",
  bounded(async () => {
    await using agent = await startAgent();
    const timeout_ms = 300;
    const start = performance.now();
    const { pid, end } = await run(agent, [
      ...["sh", "-c", "sleep 60 & sleep 60 & wait"],
    ], { timeout_ms });
    assertGreaterOrEqual(performance.now() - start, timeout_ms);
    assertEquals(end, {
      ...{ type: "exit", exit_code: 143, signal: "SIGTERM", timed_out: true },
    });
    await until(() => membersOf(pid!).length === 0, "the end of the group");
  }),
);

Deno.test(
  "serve kills a group that ignores SIGTERM two seconds later",
  bounded(async () => {
    await using agent = await startAgent();
    const script = "trap '' TERM; sleep 60 & sleep 60";
    const start = performance.now();
    const { pid, end } = await run(agent, ["sh", "-c", script], {
      timeout_ms: 100,
    });
    assertGreaterOrEqual(performance.now() - start, 2100);
    assertEquals(end, {
      ...{ type: "exit", exit_code: 137, signal: "SIGKILL", timed_out: true },
    });
    await until(() => membersOf(pid!).length === 0, "the end of the group");
  }),
);

Deno.test(
  "serve says that the time was up also when the command exits by itself then",
  bounded(async () => {
    await using agent = await startAgent();
    const script =
      "trap 'echo bye; exit 3' TERM; echo on; while :; do sleep 0.05; done";
    const { end, stdout } = await run(agent, ["sh", "-c", script], {
      timeout_ms: 500,
    });
    assertEquals(text(stdout), "on\nbye\n");
    assertEquals(end, { type: "exit", exit_code: 3, timed_out: true });
  }),
);

Deno.test(
  "serve says nothing of time when it is up after the command's end",
  bounded(async () => {
    await using agent = await startAgent();
    const start = performance.now();
    // Its output is held open for longer than the command may take.
    const { pid, end } = await run(agent, ["sh", "-c", "sleep 30 & exit 0"], {
      timeout_ms: 500,
    });
    try {
      assertEquals(end, { type: "exit" });
      assertGreaterOrEqual(performance.now() - start, 2000);
      // It was left behind on purpose, so it lives on.
      assertEquals(membersOf(pid!).map(({ name }) => name), ["sleep"]);
    } finally {
      for (const { pid: left } of membersOf(pid!)) Deno.kill(left, "SIGKILL");
    }
  }),
);

Deno.test(
  "serve says nothing of time when the command ends before it is up",
  bounded(async () => {
    await using agent = await startAgent();
    for (const timeout_ms of [60_000, 0]) {
      const { end } = await run(agent, ["sh", "-c", "exit 4"], { timeout_ms });
      assertEquals(end, { type: "exit", exit_code: 4 });
    }
    const wrong = await refuse(agent, ["true"], { timeout_ms: -1 });
    assertEquals(wrong.code, "protocol");
  }),
);

Deno.test(
  "serve gives the command no variables but its own with clear_env",
  bounded(async () => {
    await using agent = await startAgent({ env: { SECRET: "1" } });
    const printEnv = (fields: Record<string, unknown>) =>
      print(agent, ["/usr/bin/env"], fields);
    assertStringIncludes(await printEnv({}), "SECRET=1");
    assertEquals(await printEnv({ clear_env: true }), "");
    assertEquals(
      await printEnv({ clear_env: true, env: { A: "1", B: "" } }),
      "A=1\nB=",
    );
    // The program is found by the PATH that the command has.
    assertEquals(
      await print(agent, ["env"], {
        clear_env: true,
        env: { PATH: "/usr/bin" },
      }),
      "PATH=/usr/bin",
    );
    const lost = await refuse(agent, ["env"], {
      clear_env: true,
      env: { PATH: "/nonexistent" },
    });
    assertEquals(lost.code, "not_found");
  }),
);

/** Returns a user's uid and gid as passwd(5) has them. */
function ids(user: string): [uid: string, gid: string] {
  const [, uid, gid] = account(user);
  return [uid!, gid!];
}

/** Returns a user's name, uid, gid, home and shell as passwd(5) has them. */
function account(user: string): string[] {
  const line = Deno.readTextFileSync("/etc/passwd").split("\n")
    .find((line) => line.startsWith(`${user}:`));
  if (line === undefined) throw new Error(`There is no user "${user}"`);
  const [name, , uid, gid, , home, shell] = line.split(":");
  return [name!, uid!, gid!, home!, shell!];
}
