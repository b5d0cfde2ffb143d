import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hasLandlock } from "../ffi/_test_utils.ts";
import { findInterpreter } from "../ffi/interpreter.ts";
import { landlockAbi } from "../ffi/landlock.ts";
import { realPath } from "../ffi/program.ts";
import {
  type Agent,
  type AgentOptions,
  exists,
  launchAgent,
  startAgent,
} from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import { runClient } from "./_client.ts";
import { ARCHITECTURE, BINARY, SOURCES } from "./_program.ts";
import { lacks } from "./_tools.ts";
import { text } from "./_wire.ts";

/** The emulator of another architecture has no Landlock, as have some kernels. */
const ignore = ARCHITECTURE !== Deno.build.arch || !hasLandlock();
const isRoot = Deno.uid() === 0;

const ID = realPath("/usr/bin/id");
const LOADER = findInterpreter(ID)?.path;
const REFUSED = "Permission denied";

/** Starts an agent that is confined to some programs. */
async function startConfined(
  programs: readonly string[],
  { args = [], ...options }: AgentOptions = {},
): Promise<Agent> {
  return await startAgent({
    ...options,
    args: ["--confine", `--allow-run=${programs.join(",")}`, ...args],
  });
}

/** Runs a command, and returns what it writes and how it ends. */
async function run(
  agent: Agent,
  argv: readonly string[],
  fields: Readonly<Record<string, unknown>> = {},
) {
  using wire = await agent.open({ type: "exec", argv, ...fields });
  await wire.trySend([{ type: "stdin_close" }]);
  const { end, stdout, stderr } = await wire.readSession();
  return { end, stdout: text(stdout), stderr: text(stderr) };
}

/** Checks that a shell's script succeeds, and returns what it writes. */
async function print(
  agent: Agent,
  script: string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const result = await run(agent, ["sh", "-c", script], fields);
  assertEquals(result.end, { type: "exit" }, result.stderr);
  return result.stdout.trimEnd();
}

/** Checks that the kernel refuses what a shell's script executes last. */
async function assertRefused(
  agent: Agent,
  script: string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const result = await run(agent, ["sh", "-c", script], fields);
  assertEquals(result.end["exit_code"], 126, JSON.stringify(result));
  assertStringIncludes(result.stdout + result.stderr, REFUSED);
}

Deno.test({
  name: "serve --confine has the kernel refuse what isn't granted to a shell",
  ignore,
  fn: bounded(async () => {
    await using agent = await startConfined(["sh", "cat"]);
    await assertRefused(agent, ID);
    await assertRefused(agent, `exec ${ID}`);
    await assertRefused(agent, `sh -c 'sh -c "exec ${ID}"'`);
    // As the child of one that the session has left behind, too.
    await assertRefused(agent, `(sh -c ${ID}); exit $?`);
    assertEquals(await print(agent, "echo hi | cat | sh -c cat"), "hi");
    const { end } = await agent.exec([ID]);
    assertEquals(end.code, "denied");
  }),
});

Deno.test({
  name: "serve --confine holds threads that ran before as well",
  ignore,
  async fn() {
    // Only a thread of the runtime's pool would become the forbidden program.
    const script = `
      import { confine } from "${SOURCES}agent/grants/confinement.ts";
      const libc = Deno.dlopen("libc.so.6", {
        getpid: { parameters: [], result: "i32", nonblocking: true },
        execve: {
          parameters: ["buffer", "buffer", "buffer"],
          result: "i32",
          nonblocking: true,
        },
      }).symbols;
      await libc.getpid();
      confine(["sh"], Deno.env.toObject());
      const path = new TextEncoder().encode("${ID}\\0");
      const argv = new BigUint64Array([
        Deno.UnsafePointer.value(Deno.UnsafePointer.of(path)),
        0n,
      ]);
      console.log(await libc.execve(path, argv, null));`;
    const run = async (start: string) => {
      const { stdout } = await new Deno.Command("sh", {
        args: ["-c", start, "sh", Deno.execPath(), script],
      }).output();
      return text(stdout);
    };
    const start = 'exec "$1" eval --quiet "$2"';
    assertEquals(await run(start), "-1\n");
    // They wouldn't, had the agent not been started over.
    assertStringIncludes(
      await run(`COCOON_AGENT_CONFINED=$$ ${start}`),
      "uid=",
    );
  },
});

Deno.test({
  name: "serve --confine bounds no more than what is executed",
  ignore,
  fn: bounded(async () => {
    await using agent = await startConfined(["sh", "ln", "mv", "cat"]);
    const cwd = agent.folder;
    Deno.mkdirSync(`${cwd}/a`);
    Deno.mkdirSync(`${cwd}/b`);
    const script = `echo hi >a/x && ln a/x b/y && mv b/y a/z && cat a/z`;
    if (landlockAbi() > 1) {
      assertEquals(await print(agent, script, { cwd }), "hi");
    }
    // Neither does a file get more rights, nor less, than where it was.
    const copy = `${cwd}/a/cat`;
    Deno.copyFileSync(realPath("/bin/cat"), copy);
    await assertRefused(agent, `mv ${copy} b && b/cat a/z`, { cwd });
  }),
});

Deno.test({
  name: "serve --confine says so in the log and in its info",
  ignore,
  fn: bounded(async () => {
    await using agent = await startConfined(["sh"]);
    const { programs } = await agent.waitForRecord(({ status }) =>
      status !== undefined
    );
    const abi = landlockAbi();
    assertEquals(programs, `sh; held by Landlock, ABI ${abi}`);
    using wire = await agent.open({ type: "info" });
    const [info] = (await wire.readSession()).frames;
    assertEquals(info?.["landlock_abi"], abi);
    const { stdout } = await runClient(["--unix", agent.path], {
      command: "info",
    });
    assertStringIncludes(stdout, `\nlandlock_abi ${abi}\n`);
  }),
});

Deno.test({
  name: "serve without --confine leaves what a granted program runs alone",
  ignore,
  fn: bounded(async () => {
    await using agent = await startAgent({ args: ["--allow-run=sh"] });
    assertStringIncludes(await print(agent, ID), "uid=");
    using wire = await agent.open({ type: "info" });
    const [info] = (await wire.readSession()).frames;
    assert(!("landlock_abi" in info!));
  }),
});

Deno.test({
  name: "serve --confine holds on a terminal",
  ignore,
  fn: bounded(async () => {
    await using agent = await startConfined(["sh", "tty"]);
    const tty = { rows: 24, cols: 80 };
    assertStringIncludes(await print(agent, "tty", { tty }), "/dev/pts/");
    await assertRefused(agent, ID, { tty });
  }),
});

Deno.test({
  name: "serve --confine holds for another user",
  ignore: ignore || !isRoot,
  fn: bounded(async () => {
    await using agent = await startConfined(["sh", "cat"]);
    const user = "nobody";
    const uid = await print(agent, "cat /proc/self/status", { user });
    assertStringIncludes(uid, "\nUid:\t65534\t");
    await assertRefused(agent, ID, { user });
    // The tool that changes the user gets nobody past it.
    await assertRefused(agent, `setpriv --reuid=0 ${ID}; exit 126`);
  }),
});

Deno.test({
  name: "serve --confine allows no file for the tool that holds other programs",
  ignore: ignore || !isRoot || lacks("busybox"),
  fn: bounded(async () => {
    const folder = Deno.makeTempDirSync({ prefix: "setpriv-" });
    try {
      Deno.symlinkSync("/bin/busybox", `${folder}/setpriv`);
      const PATH = `${folder}:${Deno.env.get("PATH")}`;
      await using agent = await startConfined(["sh"], { env: { PATH } });
      await assertRefused(agent, "busybox echo hi");
      const { end } = await run(agent, ["sh"], { user: "nobody" });
      assertEquals(end.type, "error");
      assertStringIncludes(end["message"] as string, `${folder}/setpriv`);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }),
});

Deno.test({
  name: "serve --confine runs scripts by what their first lines name",
  ignore,
  fn: bounded(async () => {
    const folder = Deno.makeTempDirSync({ prefix: "scripts-" });
    try {
      const write = (name: string, contents: string) =>
        Deno.writeTextFileSync(`${folder}/${name}`, contents, { mode: 0o755 });
      write("direct", `#!/bin/sh\necho direct; ${ID}`);
      write("nested", `#!${folder}/direct\n`);
      write("by-env", `#!/usr/bin/env sh\necho by env; ${ID}`);
      const PATH = `${folder}:${Deno.env.get("PATH")}`;
      const env = { PATH };
      for (
        const [program, output] of [
          ["direct", "direct\n"],
          ["nested", "direct\n"],
          ["by-env", "by env\n"],
        ] as const
      ) {
        await using agent = await startConfined([program], { env });
        const result = await run(agent, [program]);
        assertEquals(result.stdout, output, result.stderr);
        assertStringIncludes(result.stderr, REFUSED);
        assertEquals(result.end["exit_code"], 126);
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }),
});

Deno.test({
  name:
    "serve --confine refuses a program that is newer, until it starts again",
  ignore,
  fn: bounded(async () => {
    const folder = Deno.makeTempDirSync({ prefix: "newer-" });
    try {
      const late = `${folder}/late`;
      const options = [["sh", late]] as const;
      {
        await using agent = await startConfined(...options);
        const { message: warning } = await agent.waitForRecord(({ level }) =>
          level === "WARN"
        );
        assertStringIncludes(warning as string, `"${late}" will be refused`);
        Deno.writeTextFileSync(late, "#!/bin/sh\necho up\n", { mode: 0o755 });
        const { end } = await run(agent, [late]);
        assertEquals(end.code, "not_executable");
        const message = end["message"] as string;
        assertStringIncludes(message, `Cannot run "${late}": ${REFUSED}`);
        assertStringIncludes(message, "start it again");
        await assertRefused(agent, late);
      }
      await using agent = await startConfined(...options);
      assertEquals(await print(agent, late), "up");
      assertEquals((await run(agent, [late])).stdout, "up\n");
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }),
});

Deno.test({
  name: "serve --confine cannot tell who calls the loader",
  ignore: ignore || LOADER === undefined ||
    findInterpreter("/bin/sh")?.path !== LOADER,
  fn: bounded(async () => {
    await using agent = await startConfined(["sh"]);
    assertStringIncludes(await print(agent, `${LOADER} ${ID}`), "uid=");
  }),
});

Deno.test({
  name: "serve --confine doesn't hold what exists in memory alone",
  ignore: ignore || lacks("perl"),
  fn: bounded(async () => {
    await using agent = await startConfined(["perl"]);
    const script = `
      my $fd = syscall(shift, my $name = "copy", 0);
      open(my $out, ">&=", $fd); open(my $in, "<", shift);
      binmode($_) for $in, $out;
      local $/; my $data = <$in>; print {$out} $data; $out->flush;
      exec("/proc/self/fd/$fd") or die "$!\n"`;
    const call = Deno.build.arch === "x86_64" ? "319" : "279";
    const copied = await run(agent, [
      "perl",
      "-MIO::Handle",
      "-e",
      script,
      call,
      ID,
    ]);
    assertStringIncludes(copied.stdout, "uid=", copied.stderr);
    const direct = await run(agent, [
      "perl",
      "-e",
      `exec("${ID}") or die "$!\n"`,
    ]);
    assertStringIncludes(direct.stderr, REFUSED);
  }),
});

Deno.test({
  name: "serve --confine allows no loader where nothing needs one",
  // The tool that changes the user would need it.
  ignore: ignore || LOADER === undefined || lacks("busybox") ||
    findInterpreter("/bin/busybox") !== undefined,
  fn: bounded(async () => {
    const folder = Deno.makeTempDirSync({ prefix: "static-" });
    try {
      await using agent = await startConfined(["/bin/busybox"], {
        env: { PATH: folder },
      });
      const { message: warning } = await agent.waitForRecord(({ level }) =>
        level === "WARN"
      );
      assertStringIncludes(warning as string, "one of many programs");
      for (const program of [ID, `${LOADER} ${ID}`]) {
        const { end, stderr } = await run(agent, [
          ...["/bin/busybox", "sh", "-c", program],
        ]);
        assertEquals(end["exit_code"], 126);
        assertStringIncludes(stderr, REFUSED);
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }),
});

Deno.test({
  name:
    "serve --confine keeps commands from mounting and from looking into others",
  ignore: ignore || !isRoot,
  fn: bounded(async () => {
    await using agent = await startConfined(["mount", "readlink"], {
      // Should it mount, nobody else sees it.
      prefix: ["unshare", "--mount"],
    });
    const mount = ["mount", "-t", "tmpfs", "none", agent.folder];
    const { end } = await run(agent, mount);
    assertEquals(end["exit_code"], 32);
    const link = (pid: string | number) => ["readlink", `/proc/${pid}/exe`];
    assertEquals((await run(agent, link(Deno.pid))).end["exit_code"], 1);
    const own = await run(agent, link("self"));
    assertEquals(own.stdout, `${realPath("/usr/bin/readlink")}\n`);
  }),
});

Deno.test({
  name: "serve --confine gives up gaining privileges only where it must",
  ignore: ignore || !isRoot,
  fn: bounded(async () => {
    const status = "cat /proc/self/status";
    const granted = ["sh", "cat"];
    {
      await using agent = await startConfined(granted);
      assertStringIncludes(await print(agent, status), "\nNoNewPrivs:\t0\n");
    }
    await using agent = await startConfined(granted, {
      prefix: [
        ...["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"],
      ],
    });
    assertStringIncludes(await print(agent, status), "\nNoNewPrivs:\t1\n");
    await assertRefused(agent, ID);
  }),
});

Deno.test(
  "serve --confine is wrong usage without a list",
  bounded(async () => {
    const cases: AgentOptions[] = [
      { args: ["--confine"] },
      // What Deno's list names cannot be read back.
      ...(BINARY === undefined
        ? [{ args: ["--confine"], allowRun: "sh" }]
        : []),
    ];
    for (const options of cases) {
      await using agent = launchAgent(options);
      agent.mayEnd();
      assertEquals((await agent.status).code, 2, agent.stderr);
      assertStringIncludes(agent.stderr, "--confine needs the list");
      assertStringIncludes(agent.stderr, "--allow-run=A,B,…");
    }
  }),
);

for (
  const [name, number, remedy] of [
    ["ENOSYS", 38, "CONFIG_SECURITY_LANDLOCK"],
    ["EOPNOTSUPP", 95, "lsm="],
    ["EPERM", 1, "landlock_create_ruleset"],
  ] as const
) {
  Deno.test({
    name: `serve --confine doesn't start where the kernel answers ${name}`,
    ignore: ARCHITECTURE !== Deno.build.arch,
    fn: bounded(async () => {
      await using agent = launchAgent({
        args: ["--confine", "--allow-run=sh"],
        prefix: [
          ...[Deno.execPath(), "run", "--allow-all", "--quiet"],
          ...[`${SOURCES}tests/_refuse_landlock.ts`, String(number)],
        ],
      });
      agent.mayEnd();
      assertEquals((await agent.status).code, 1, agent.stderr);
      const error = agent.records.map(({ message }) => message).join();
      assertStringIncludes(error, `(${name})`);
      assertStringIncludes(error, remedy);
      assertStringIncludes(error, "--confine");
      assert(!exists(agent.path));
    }),
  });
}
