import { assert, assertEquals, assertMatch } from "@std/assert";
import { exists, startAgent } from "./_agent.ts";
import { until } from "./_bounded.ts";
import { runClient } from "./_client.ts";
import { membersOf, processStat } from "./_proc.ts";
import { childNamed } from "./_jobs.ts";
import {
  LOOP,
  onTerminal,
  startOnTerminal,
  startShell,
  startTerminalClient,
  terminalTest,
} from "./_terminal.ts";
import { dataFrame, text } from "./_wire.ts";

terminalTest(
  "client -t gives the command a terminal of its own, sized and typed as this one",
  async () => {
    await using agent = await startAgent();
    const script = `
      echo "size $(stty size)"; echo "TERM=$TERM"; tty; stty -a
      echo there >/dev/tty; echo "stat $(cat /proc/$$/stat)"; echo "pid $$"
      test -t 0 && test -t 1 && test -t 2 && echo three`;
    await using terminal = startTerminalClient(
      onTerminal(agent, "sh", "-c", script),
      { size: { rows: 33, cols: 77 }, env: { TERM: "vt220" } },
    );
    assertEquals((await terminal.status).code, 0);
    const shown = terminal.shown.text;
    assertMatch(shown, /^size 33 77\r\nTERM=vt220\r\n\/dev\/pts\/\d+\r\n/);
    assert(!shown.includes(`${terminal.path}\r`), "It is the same terminal");
    assertMatch(shown, /(^|\s)iutf8\b/m);
    for (const mode of ["icanon", "echo", "isig", "icrnl", "opost"]) {
      assertMatch(shown, new RegExp(`(^|\\s)${mode}\\b`, "m"));
    }
    assertMatch(shown, /^there\r$/m);
    assertMatch(shown, /^three\r$/m);
    const [, pid] = shown.match(/^pid (\d+)\r$/m)!;
    const [, stat] = shown.match(/^stat .*\) (.*)\r$/m)!;
    const [, , group, session, , foreground] = stat!.split(" ");
    assertEquals([group, session, foreground], [pid, pid, pid]);
  },
);

terminalTest(
  "client -t carries the terminal's kind and the language over, and --env wins",
  async () => {
    await using agent = await startAgent({
      env: { LANG: "C", LC_TIME: "C", LC_ALL: "" },
    });
    const script = 'echo "[$TERM] [$LANG] [$LC_TIME] [$OTHER]"';
    const env = {
      ...{ TERM: "vt220", LANG: "C.UTF-8", LC_TIME: "POSIX", OTHER: "other" },
    };
    const cases: [flags: string[], expected: string][] = [
      [[], "[vt220] [C.UTF-8] [POSIX] []"],
      [
        ["-e", "TERM=dumb", "-e", "LANG=POSIX", "-e", "LC_TIME="],
        "[dumb] [POSIX] [] []",
      ],
    ];
    for (const [flags, expected] of cases) {
      await using terminal = startTerminalClient(
        [...flags, ...onTerminal(agent, "sh", "-c", script)],
        { env },
      );
      assertEquals((await terminal.status).code, 0);
      assertEquals(terminal.shown.text, `${expected}\r\n`);
    }
    // Without -t there is nothing of a terminal to carry over.
    const { stdout } = await runClient(
      ["--unix", agent.path, "--", "sh", "-c", 'echo "[$LANG] [$LC_TIME]"'],
      { env },
    );
    assertEquals(stdout, "[C] [C]\n");
  },
);

terminalTest(
  "client -t tells the command of another size, the last one of many",
  async () => {
    await using agent = await startAgent();
    const script = `trap 'stty size' WINCH; stty -echo; echo ready; ${LOOP}`;
    await using terminal = startOnTerminal(agent, "sh", "-c", script);
    await terminal.expect("ready");
    terminal.resize({ rows: 40, cols: 120 });
    await terminal.expect("40 120\r\n");
    for (let cols = 50; cols <= 150; cols++) {
      terminal.resize({ rows: 41, cols });
    }
    await terminal.expect("41 150\r\n");
    terminal.resize({ rows: 30, cols: 90 });
    await terminal.expect("30 90\r\n");
    // No size of before comes late.
    await terminal.type("\x03");
    assertEquals((await terminal.status).code, 130);
    assertMatch(terminal.shown.text, /30 90\r\n$/);
  },
);

terminalTest(
  "client -t passes Ctrl-C, Ctrl-Z and Ctrl-D on as keys",
  async () => {
    await using agent = await startAgent();
    await using terminal = await startShell(agent);
    const shell = await childNamed(agent.pid, "bash");
    await terminal.type("sleep 60\r");
    const first = await childNamed(shell, "sleep");
    await terminal.type("\x03");
    await until(() => !processStat(first), "the end of the job");
    await terminal.expect("$ ");
    await terminal.type("echo code $?\r");
    await terminal.expect("code 130");

    await terminal.type("sleep 61\r");
    const second = await childNamed(shell, "sleep");
    await terminal.type("\x1a");
    await terminal.expect("Stopped");
    await terminal.expect("$ ");
    assertEquals(processStat(second)?.state, "T");
    await terminal.type("fg\r");
    await until(() => processStat(second)?.state === "S", "the job to go on");
    await terminal.type("\x03");
    await until(() => !processStat(second), "the end of the job");
    await terminal.expect("$ ");
    await terminal.type("(exit 7)\r");
    await terminal.expect("$ ");
    await terminal.type("\x04");
    assertEquals((await terminal.status).code, 7);
  },
);

terminalTest(
  "client -t doesn't show what is typed where it isn't to be seen",
  async () => {
    await using agent = await startAgent();
    const script = 'read -r -s -p "Password: " p; echo; echo "got <$p>"';
    await using terminal = startOnTerminal(agent, "bash", "-c", script);
    await terminal.expect("Password: ");
    await until(async () => {
      const path = Deno.readLinkSync(
        `/proc/${await childNamed(agent.pid, "bash")}/fd/0`,
      );
      const { stdout } = await new Deno.Command("stty", {
        args: ["--file", path, "--all"],
      }).output();
      return /(^|\s)-echo\b/m.test(text(stdout));
    }, "the echo to be off");
    await terminal.type("secret\r");
    assertEquals((await terminal.status).code, 0);
    assertEquals(terminal.shown.text, "Password: \r\ngot <secret>\r\n");
  },
);

terminalTest(
  "client -t keeps characters whole that come in halves",
  async () => {
    await using agent = await startAgent();
    const script = `
      stty -echo; printf '\\303'; sleep 0.2; printf '\\274\\n'; echo ready
      IFS= read -r line; printf %s "$line" | od -An -tx1`;
    await using terminal = startOnTerminal(agent, "sh", "-c", script);
    await terminal.expect("ü\r\nready\r\n");
    const bytes = new TextEncoder().encode("aé€😀\r");
    for (const byte of bytes) await terminal.type(new Uint8Array([byte]));
    await terminal.expect(" 61 c3 a9 e2 82 ac f0 9f 98 80\r\n");
  },
);

terminalTest(
  "client -t lets the terminal erase a whole character of several bytes",
  async () => {
    await using agent = await startAgent();
    const script = 'stty -echo; echo ready; read -r x; echo "<$x>"';
    await using terminal = startOnTerminal(agent, "sh", "-c", script);
    await terminal.expect("ready");
    await terminal.type("aü\x7fb\r");
    await terminal.expect("<ab>");
  },
);

terminalTest(
  "serve loses none of what is written to a terminal just before the end",
  async () => {
    await using agent = await startAgent();
    const tty = { rows: 24, cols: 80 };
    const run = async (script: string) => {
      using wire = await agent.open({
        type: "exec",
        argv: ["sh", "-c", script],
        tty,
      });
      const { stdout, end } = await wire.readSession();
      return [text(stdout), end["exit_code"]];
    };
    for (let i = 0; i < 200; i++) {
      assertEquals(await run(`echo last ${i}; exit 9`), [`last ${i}\r\n`, 9]);
    }
    for (let i = 0; i < 20; i++) {
      const [output, code] = await run("seq 20000; exit 9");
      assertEquals(code, 9);
      assertEquals(output, numbers(20000), `run ${i}`);
    }
  },
);

terminalTest(
  "client -t loses none of what is written just before the end",
  async () => {
    await using agent = await startAgent();
    for (let i = 0; i < 8; i++) {
      await using terminal = startOnTerminal(
        agent,
        "sh",
        "-c",
        "seq 50000; exit 9",
      );
      assertEquals((await terminal.status).code, 9);
      assertEquals(terminal.shown.text, numbers(50000), `run ${i}`);
    }
  },
);

terminalTest(
  "client -t works where there is no terminal",
  async () => {
    await using agent = await startAgent();
    const script = 'stty size; while read -r x; do echo "<$x>"; done; exit 5';
    const cases: [stdin: string, lines: string[]][] = [
      ["", []],
      ["one\ntwo\n", ["<one>", "<two>"]],
    ];
    for (const [stdin, lines] of cases) {
      const { code, stdout, stderr } = await runClient(
        onTerminal(agent, "sh", "-c", script),
        { stdin },
      );
      assertEquals([code, stderr], [5, ""]);
      // The echo comes whenever the keys do.
      const shown = stdout.split("\r\n");
      assert(shown.includes("24 80"), stdout);
      assertEquals(shown.filter((line) => line.startsWith("<")), lines);
    }
    // What doesn't end in a newline is read too, and is no reason to hang.
    const { code, stdout } = await runClient(
      onTerminal(agent, "sh", "-c", "stty -echo; echo; cat; exit 5"),
      { stdin: "no newline" },
    );
    assertEquals(code, 5);
    assertMatch(stdout, /no newline$/);
  },
);

terminalTest(
  "serve hangs the terminal up when the client goes away",
  async (t) => {
    await using agent = await startAgent();
    await t.step("and the shell gets SIGHUP", async () => {
      const file = `${agent.folder}/hung-up`;
      await using terminal = startOnTerminal(
        ...[agent, "sh", "-c"] as const,
        `trap 'echo up >${file}; exit' HUP; echo ready; ${LOOP}`,
      );
      await terminal.expect("ready");
      terminal.kill("SIGKILL");
      await until(() => exists(file), "the shell to be told");
      await until(() => agent.children.length === 0, "the shell's end");
    });

    await t.step("and a child that ignores SIGHUP is killed", async () => {
      await using terminal = startOnTerminal(
        ...[agent, "sh", "-c"] as const,
        "trap '' HUP TERM INT; sleep 60 & echo ready; sleep 60",
      );
      await terminal.expect("ready");
      const group = await childNamed(agent.pid, "sh");
      await until(() => membersOf(group).length === 3, "all three");
      terminal.kill("SIGKILL");
      await until(
        () => membersOf(group).length === 0,
        () => `the end of ${JSON.stringify(membersOf(group))}`,
        4000,
      );
    });

    await t.step("and a shell's job in the foreground ends", async () => {
      await using terminal = await startShell(agent);
      const shell = await childNamed(agent.pid, "bash");
      await terminal.type("sleep 60\r");
      const job = await childNamed(shell, "sleep");
      terminal.kill("SIGKILL");
      await until(() => !processStat(job), "the job's end");
      await until(() => !processStat(shell), "the shell's end");
    });
  },
);

terminalTest(
  "serve takes a command's stdin_close as the terminal's end of file",
  async () => {
    await using agent = await startAgent();
    using wire = await agent.open({
      ...{ type: "exec", argv: ["cat"], tty: { rows: 24, cols: 80 } },
    });
    await wire.send(dataFrame("stdin", "half a line"));
    await wire.send({ type: "stdin_close" });
    const { stdout, stderr, end } = await wire.readSession();
    assertEquals(end, { type: "exit" });
    assertEquals(stderr.length, 0);
    assertEquals(text(stdout).match(/half a line/g)?.length, 2);
  },
);

/** What seq(1) prints, on a terminal. */
function numbers(count: number): string {
  return Array.from({ length: count }, (_, i) => `${i + 1}\r\n`).join("");
}
