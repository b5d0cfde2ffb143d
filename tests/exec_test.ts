import { assertEquals, assertStringIncludes } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import { dataFrame, text, type WireFrame } from "./_wire.ts";

Deno.test(
  "serve runs a program by PATH and without a shell when asked by exec",
  bounded(async () => {
    await using agent = await startAgent();
    using wire = await agent.open('{"type":"exec","argv":["echo","hi"]}\n');
    await wire.send('{"type":"stdin_close"}\n');
    const pid = await wire.expectStarted();
    assertEquals(wire.lastLine, `{"type":"started","pid":${pid}}`);
    await wire.expect("stdout");
    assertEquals(wire.lastLine, '{"type":"stdout","data":"aGkK"}');
    await wire.expect("exit");
    assertEquals(wire.lastLine, '{"type":"exit"}');
    assertEquals(await wire.read(), undefined);

    const literal = await agent.exec(["echo", "$HOME", "*", ";", "a  b", ""]);
    assertEquals(text(literal.stdout), "$HOME * ; a  b \n");
    // Go escapes these three in JSON.
    using go = await agent.open(
      '{"type":"exec","argv":["echo","\\u003c\\u0026\\u003e"]}\n',
    );
    assertEquals(text((await go.readSession()).stdout), "<&>\n");
  }),
);

Deno.test(
  "serve lays the caller's env over its own, each name once",
  bounded(async () => {
    await using agent = await startAgent({
      env: {
        ...{ COLOR: "red", KEPT: "yes" },
        ...{ NOTIFY_SOCKET: "/nonexistent", LOGS_DIRECTORY: "/nonexistent" },
      },
    });
    const { stdout } = await agent.exec(["env"], {
      COLOR: "blue",
      NEW: "a=b c\nd",
      __proto__x: "odd",
      EMPTY: "",
    });
    const lines = text(stdout).split("\n");
    const named = (name: string) =>
      lines.filter((line) => line.startsWith(`${name}=`));
    assertEquals(named("COLOR"), ["COLOR=blue"]);
    assertEquals(named("KEPT"), ["KEPT=yes"]);
    assertEquals(named("EMPTY"), ["EMPTY="]);
    assertStringIncludes(text(stdout), "NEW=a=b c\nd\n");
    assertEquals(named("PATH"), [`PATH=${Deno.env.get("PATH")}`]);
    // What the service manager told the agent is not for children.
    assertEquals(named("NOTIFY_SOCKET"), []);
    assertEquals(named("LOGS_DIRECTORY"), []);
  }),
);

Deno.test(
  "serve finds the program by the caller's PATH when env has one",
  bounded(async () => {
    await using agent = await startAgent();
    const script = `${agent.folder}/greet`;
    await Deno.writeTextFile(script, "#!/bin/sh\necho hello\n", {
      mode: 0o755,
    });
    const missing = await agent.exec(["greet"]);
    assertEquals(missing.end.code, "not_found");
    const found = await agent.exec(["greet"], { PATH: agent.folder });
    assertEquals(text(found.stdout), "hello\n");
  }),
);

Deno.test(
  "serve ignores whatever follows stdin_close",
  bounded(async () => {
    await using agent = await startAgent();
    using wire = await agent.open({ type: "exec", argv: ["cat"] });
    await wire.send(dataFrame("stdin", "one "));
    // A data field may be missing, which is no data.
    await wire.send('{"type":"stdin"}\n');
    await wire.send(dataFrame("stdin", "two\n"));
    await wire.send(
      '{"type":"stdin_close"}\n{"type":"stdin","data":"bGF0ZQ=="}\n' +
        '{"type":"stdin_close"}\n',
    );
    const { stdout, end } = await wire.readSession();
    assertEquals(text(stdout), "one two\n");
    assertEquals(end, { type: "exit" });
  }),
);

Deno.test(
  "serve sends stdout and stderr in order, and exit after the last of both",
  bounded(async () => {
    await using agent = await startAgent();
    const script =
      "i=0; while [ $i -lt 5000 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done";
    const { stdout, stderr, frames } = await agent.exec(["sh", "-c", script]);
    const lines = (prefix: string) =>
      Array.from({ length: 5000 }, (_, i) => `${prefix}${i}\n`).join("");
    assertEquals(text(stdout), lines("o"));
    assertEquals(text(stderr), lines("e"));
    assertEquals(frames[0]?.type, "started");
  }),
);

Deno.test(
  "serve names the child itself in started",
  bounded(async () => {
    await using agent = await startAgent();
    const { pid, stdout } = await agent.exec(["sh", "-c", "echo $$"]);
    assertEquals(text(stdout), `${pid}\n`);
  }),
);

Deno.test("serve answers with the exit code when the child ends", async (t) => {
  await bounded(async () => {
    await using agent = await startAgent();
    const cases: [script: string, line: string][] = [
      ["exit 0", '{"type":"exit"}'],
      ["exit 3", '{"type":"exit","exit_code":3}'],
      ["exit 255", '{"type":"exit","exit_code":255}'],
      ["kill -TERM $$", '{"type":"exit","exit_code":143,"signal":"SIGTERM"}'],
      ["kill -KILL $$", '{"type":"exit","exit_code":137,"signal":"SIGKILL"}'],
      ["kill -PIPE $$", '{"type":"exit","exit_code":141,"signal":"SIGPIPE"}'],
      [
        "kill -35 $$",
        '{"type":"exit","exit_code":163,"signal":"SIGRTMIN+1"}',
      ],
    ];
    for (const [script, line] of cases) {
      await t.step(script, async () => {
        const { endLine } = await agent.exec(["sh", "-c", script]);
        assertEquals(endLine, line);
      });
    }
  })(t);
});

Deno.test(
  "serve answers with an error that names the program when it cannot be run",
  async (t) => {
    await bounded(async () => {
      await using agent = await startAgent();
      const { folder } = agent;
      const file = (name: string, content: string, mode: number) => {
        Deno.writeTextFileSync(`${folder}/${name}`, content);
        Deno.chmodSync(`${folder}/${name}`, mode);
        return `${folder}/${name}`;
      };
      const plain = file("plain", "#!/bin/sh\n", 0o644);
      const garbage = file("garbage", "\x01\x02 no program", 0o755);
      const orphan = file("orphan", "#!/nonexistent/interpreter\n", 0o755);
      const windows = file("windows", "#!/bin/sh\r\necho hi\r\n", 0o755);
      Deno.symlinkSync("loop", `${folder}/loop`);
      Deno.copyFileSync(Deno.realPathSync("/bin/true"), `${folder}/written`);
      using _ = Deno.openSync(`${folder}/written`, { append: true });
      const huge = "x".repeat(200_000);
      const cases: [name: string, argv: string[], code: string][] = [
        ["a missing program", ["no-such-program"], "not_found"],
        ["a missing path", ["/nonexistent/program"], "not_found"],
        ["a file for a folder", [`${plain}/x`], "not_found"],
        ["a missing interpreter", [orphan], "not_executable"],
        [
          "a script with the ends of lines of Windows",
          [windows],
          "not_executable",
        ],
        [
          "a program that is being written",
          [`${folder}/written`],
          "not_executable",
        ],
        ["a link to itself", [`${folder}/loop`], "not_executable"],
        ["a name that no file can have", ["x".repeat(300)], "not_executable"],
        ["an empty name", ["", "x"], "not_found"],
        ["a file without the x bit", [plain], "not_executable"],
        ["a file of no known format", [garbage], "not_executable"],
        ["a folder", [folder], "not_executable"],
        ["an argument too long", ["echo", huge], "not_executable"],
        ["a NUL in an argument", ["echo", "a\0b"], "protocol"],
        ["a NUL in the name", ["ec\0ho"], "protocol"],
      ];
      for (const [name, argv, code] of cases) {
        await t.step(name, async () => {
          const { frames, end } = await agent.exec(argv);
          assertEquals(frames.length, 1);
          assertEquals(end.type, "error");
          assertEquals(end.code, code);
          assertStringIncludes(
            end.message as string,
            JSON.stringify(argv[0]),
          );
        });
      }
      for (
        const frame of ['{"type":"exec","argv":[]}\n', '{"type":"exec"}\n']
      ) {
        await t.step(`no program in ${frame.trim()}`, async () => {
          using wire = await agent.open(frame);
          const { frames, end } = await wire.readSession();
          assertEquals(frames.length, 1);
          assertEquals(end.code, "protocol");
          assertStringIncludes(end.message as string, '"argv"');
        });
      }
      for (
        const [name, env] of [
          ["an equals sign", { "A=B": "c" }],
          ["a NUL", { A: "b\0c" }],
          ["no name", { "": "c" }],
        ] as const
      ) {
        await t.step(`a variable with ${name}`, async () => {
          const { frames, end } = await agent.exec(["echo"], env);
          assertEquals(frames.length, 1);
          assertEquals(end.code, "protocol");
          assertStringIncludes(end.message as string, '"echo"');
        });
      }
    })(t);
  },
);

Deno.test(
  "serve takes a half-close for the end of stdin, and goes on to the exit",
  bounded(async () => {
    await using agent = await startAgent();
    using wire = await agent.open({
      type: "exec",
      argv: ["sh", "-c", "cat; sleep 0.3; echo done; exit 4"],
    });
    await wire.send(dataFrame("stdin", "half\n"));
    await wire.closeWrite();
    const { stdout, end } = await wire.readSession();
    assertEquals(text(stdout), "half\ndone\n");
    assertEquals(end, { type: "exit", exit_code: 4 });
  }),
);

Deno.test(
  "serve ends the session without an answer when it is half-closed at once",
  bounded(async () => {
    await using agent = await startAgent();
    using wire = await agent.connect();
    await wire.closeWrite();
    assertEquals(await wire.read(), undefined);
  }),
);

Deno.test(
  "serve reports the exit when the child is gone before its stdin was taken",
  bounded(async () => {
    await using agent = await startAgent();
    for (
      const [argv, output] of [[["true"], ""], [["head", "-c1"], "x"]] as const
    ) {
      using wire = await agent.open({ type: "exec", argv });
      const sending = wire.trySend(stdinOf(8 * 1024 * 1024));
      const { stdout, end } = await wire.readSession();
      assertEquals(text(stdout), output);
      assertEquals(end, { type: "exit" });
      await sending;
    }
    // Also where the child closes its stdin and lives on.
    using wire = await agent.open({
      type: "exec",
      argv: ["sh", "-c", "exec <&-; sleep 0.2; exit 5"],
    });
    const sending = wire.trySend(stdinOf(4 * 1024 * 1024));
    assertEquals((await wire.readSession()).end, {
      type: "exit",
      exit_code: 5,
    });
    await sending;
  }),
);

/** Yields stdin as the existing client sends it, in frames of 32 KiB. */
function* stdinOf(length: number): Generator<WireFrame> {
  const frame = dataFrame("stdin", new Uint8Array(32 * 1024).fill(120));
  for (let sent = 0; sent < length; sent += 32 * 1024) yield frame;
}
