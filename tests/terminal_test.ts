import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { type Agent, exists, startAgent } from "./_agent.ts";
import { spawn } from "../ffi/process.ts";
import { bounded, until, untilStalled, within } from "./_bounded.ts";
import { runClient } from "./_client.ts";
import { childrenOf, membersOf, processStat, writtenBytes } from "./_proc.ts";
import { childNamed } from "./_jobs.ts";
import { startTerminalClient, Terminal, terminalTest } from "./_terminal.ts";
import { ENVIRONMENT, programArgs } from "./_program.ts";
import { dataFrame, text } from "./_wire.ts";

/** Ends in the words that it types, so that no echo of keys looks like it. */
const LOOP = "while :; do sleep 0.05; done";

/** A shell for people, without what this machine's users like. */
const SHELL = ["bash", "--norc", "--noprofile", "-i"];

/** Arguments of a client that runs a command on a terminal. */
function onTerminal(agent: Agent, ...argv: readonly string[]): string[] {
  return ["-t", "--unix", agent.path, "--", ...argv];
}

/** Starts a command on a terminal. */
function start(agent: Agent, ...argv: readonly string[]): Terminal {
  return startTerminalClient(onTerminal(agent, ...argv));
}

/** Starts a shell on a terminal, and waits for its prompt. */
async function startShell(agent: Agent): Promise<Terminal> {
  const terminal = start(agent, "env", "PS1=$ ", ...SHELL);
  await terminal.expect("$ ");
  return terminal;
}

/** A client on a terminal whose modes are unlike those of any other. */
class OddTerminal implements AsyncDisposable {
  /** The terminal. */
  readonly terminal: Terminal;
  readonly #modes: string;

  private constructor(terminal: Terminal, modes: string) {
    this.terminal = terminal;
    this.#modes = modes;
  }

  /** Starts a client. */
  static async start(args: readonly string[]): Promise<OddTerminal> {
    const script =
      'stty intr ^G erase ^H -ixon -echoe time 3; echo set; read -r _; exec "$@"';
    const terminal = new Terminal([
      ...["sh", "-c", script, "sh"],
      ...programArgs("client", args),
    ]);
    await terminal.expect("set");
    const odd = new OddTerminal(terminal, await terminal.modes());
    await terminal.type("\n");
    return odd;
  }

  /** Checks that the client exits with a code and leaves the modes as they were. */
  async checkEnd(code: number): Promise<void> {
    const status = await this.terminal.status;
    assertEquals(status, { code, signal: undefined }, this.terminal.shown.text);
    assertEquals(await this.terminal.modes(), this.#modes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.terminal[Symbol.asyncDispose]();
  }
}

terminalTest(
  "client -t makes the terminal raw, and gives its modes back at the end",
  async (t) => {
    await using agent = await startAgent();
    const ends: [script: string, code: number][] = [
      ["true", 0],
      ["exit 3", 3],
      ["kill -TERM $$", 143],
    ];
    for (const [script, code] of ends) {
      await t.step(script, async () => {
        await using odd = await OddTerminal.start(onTerminal(
          ...[agent, "sh", "-c"] as const,
          `stty -echo; echo ready; read -r _; ${script}`,
        ));
        const { terminal } = odd;
        await terminal.expect("ready");
        const settings = await terminal.settings();
        for (const mode of ["icanon", "echo", "isig", "icrnl", "opost"]) {
          assertMatch(settings, new RegExp(`(^|\\s)-${mode}\\b`, "m"));
        }
        await terminal.type("\r");
        await odd.checkEnd(code);
      });
    }
  },
);

terminalTest(
  "client -t gives the modes back when the command cannot be run",
  async () => {
    await using agent = await startAgent();
    await using odd = await OddTerminal.start(
      onTerminal(agent, "no-such-program"),
    );
    await odd.checkEnd(127);
    // On a line that begins and ends as it should.
    await odd.terminal.expect(
      /\r\ncocoon-agent: Cannot run "no-such-program"[^\r\n]*\r\n$/,
    );
  },
);

terminalTest(
  "client -t gives the modes back when it gets a signal",
  async (t) => {
    await using agent = await startAgent();
    const signals: [signal: Deno.Signal, code: number][] = [
      ["SIGTERM", 143],
      ["SIGHUP", 129],
      ["SIGINT", 130],
      ["SIGQUIT", 131],
      ["SIGUSR1", 138],
      ["SIGUSR2", 140],
    ];
    for (const [signal, code] of signals) {
      await t.step(signal, async () => {
        await using odd = await OddTerminal.start(
          onTerminal(agent, "sh", "-c", `echo ready; ${LOOP}`),
        );
        await odd.terminal.expect("ready");
        const child = await childNamed(agent.pid, "sh");
        odd.terminal.kill(signal);
        await odd.checkEnd(code);
        await until(() => !processStat(child), "the command's end");
      });
    }
  },
);

terminalTest(
  "client -t gives the modes back when the agent is killed",
  async () => {
    await using agent = await startAgent();
    await using odd = await OddTerminal.start(
      onTerminal(agent, "sh", "-c", `echo ready; ${LOOP}`),
    );
    await odd.terminal.expect("ready");
    agent.kill("SIGKILL");
    await odd.checkEnd(125);
    await odd.terminal.expect(
      /cocoon-agent: The connection to the agent broke[^\r\n]*\r\n$/,
    );
  },
);

Deno.test(
  "client -t ends on a signal though nobody reads what its terminal shows",
  bounded(async () => {
    await using agent = await startAgent();
    const argv = programArgs("client", onTerminal(agent, "yes"));
    using client = spawn({
      program: argv[0],
      argv,
      env: { ...Deno.env.toObject(), ...ENVIRONMENT },
      terminal: { size: { rows: 24, cols: 80 } },
    });
    const command = await childNamed(agent.pid, "yes");
    await untilStalled(() => writtenBytes(command), "the command");
    Deno.kill(client.pid, "SIGTERM");
    const status = await within(client.status, "the end of the client");
    assertEquals(status.code, 143);
    await until(() => !processStat(command), "the command's end");
  }),
);

terminalTest(
  "client -t stops by SIGTSTP, and goes on by SIGCONT",
  async () => {
    await using agent = await startAgent();
    await using terminal = new Terminal(SHELL);
    await terminal.expect("$ ");
    const client = programArgs(
      "client",
      onTerminal(agent, "env", "PS1=$ ", ...SHELL),
    );
    await terminal.type(
      "stty -echo; PS1='local> '; stty erase ^H; echo modes $(stty -g)\r",
    );
    const [, before] = await terminal.expect(/modes ([0-9a-f:]+)\r/);
    await terminal.expect("local> ");
    await terminal.type(`${client.map(quote).join(" ")}\r`);
    await terminal.expect("$ ");
    const pid = childrenOf(terminal.pid)[0]!.pid;

    // Sent by somebody, and by the keys for it.
    const stops = [
      () => Deno.kill(pid, "SIGTSTP"),
      () => terminal.type("\r~\x1a"),
    ];
    for (const [index, stop] of stops.entries()) {
      await stop();
      await terminal.expect("Stopped");
      await terminal.expect("local> ");
      assertEquals(processStat(pid)?.state, "T");
      await terminal.type(`echo modes $(stty -g)\r`);
      const [, stopped] = await terminal.expect(/modes ([0-9a-f:]+)\r/);
      assertEquals(stopped, before);
      await terminal.expect("local> ");
      await terminal.type("fg\r");
      await until(() => processStat(pid)?.state !== "T", "the client to go on");
      await until(
        async () => (await terminal.settings()).includes("-isig"),
        "the terminal to be raw again",
      );
      await terminal.type(`echo on $((${index} + 40))\r`);
      await terminal.expect(`on ${index + 40}`);
    }
    await terminal.type("exit 6\r");
    await terminal.expect("local> ");
    await terminal.type(`echo code $? modes $(stty -g)\r`);
    const [, code, after] = await terminal.expect(
      /code (\d+) modes ([0-9a-f:]+)\r/,
    );
    assertEquals([code, after], ["6", before]);
  },
);

terminalTest(
  "client -t can be ended while it is suspended, and takes the command along",
  async (t) => {
    await using agent = await startAgent();
    for (const signal of ["TERM", "HUP"]) {
      await t.step(signal, async () => {
        await using terminal = new Terminal(SHELL);
        await terminal.expect("$ ");
        const client = programArgs(
          "client",
          onTerminal(agent, "sh", "-c", `echo ready; ${LOOP}`),
        );
        await terminal.type(`PS1='local> '; ${client.map(quote).join(" ")}\r`);
        await terminal.expect("ready");
        const command = await childNamed(agent.pid, "sh");
        const pid = childrenOf(terminal.pid)[0]!.pid;
        await terminal.type("\r~\x1a");
        await terminal.expect("local> ");
        await terminal.type(`kill -${signal} %1\r`);
        await until(() => !processStat(pid), "the end of the client");
        await until(() => !processStat(command), "the end of the command");
      });
    }
  },
);

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
    await using terminal = start(agent, "sh", "-c", script);
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
    await using terminal = start(agent, "bash", "-c", script);
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
    await using terminal = start(agent, "sh", "-c", script);
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
    await using terminal = start(agent, "sh", "-c", script);
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
      await using terminal = start(agent, "sh", "-c", "seq 50000; exit 9");
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
  "client -t leaves by ~. at the start of a line when the agent is dead",
  async (t) => {
    for (const [escape, key] of [[undefined, "~"], ["%", "%"]] as const) {
      await t.step(`as ${key}.`, async () => {
        await using agent = await startAgent();
        await using odd = await OddTerminal.start([
          ...(escape ? ["--escape", escape] : []),
          ...onTerminal(agent, "sh", "-c", `echo ready; ${LOOP}`),
        ]);
        await odd.terminal.expect("ready");
        Deno.kill(agent.pid, "SIGSTOP");
        try {
          await odd.terminal.type(`\r${key}.`);
          await odd.checkEnd(125);
        } finally {
          Deno.kill(agent.pid, "SIGCONT");
        }
      });
    }
  },
);

terminalTest(
  "client -t passes ~ on where it is no escape",
  async () => {
    await using agent = await startAgent();
    const script = `
      stty -echo; echo ready
      for i in 1 2 3; do IFS= read -r line; echo "<$line>"; done`;
    const cases: [flags: string[], keys: string, lines: string][] = [
      [[], "a~.\r~~.\r~x\r", "<a~.>\r\n<~.>\r\n<~x>\r\n"],
      [["--escape", "none"], "~.\r~~\r~\x1a\r", "<~.>\r\n<~~>\r\n<~"],
      [["--escape", "%"], "~.\r%%.\r~~\r", "<~.>\r\n<%.>\r\n<~~>\r\n"],
    ];
    for (const [flags, keys, lines] of cases) {
      await using terminal = startTerminalClient([
        ...flags,
        ...onTerminal(agent, "sh", "-c", `stty susp undef; ${script}`),
      ]);
      await terminal.expect("ready\r\n");
      await terminal.type(keys);
      assertEquals((await terminal.status).code, 0);
      const [, shown] = terminal.shown.text.split("ready\r\n");
      assertStringIncludes(shown!, lines);
    }
  },
);

terminalTest(
  "serve hangs the terminal up when the client goes away",
  async (t) => {
    await using agent = await startAgent();
    await t.step("and the shell gets SIGHUP", async () => {
      const file = `${agent.folder}/hung-up`;
      await using terminal = start(
        ...[agent, "sh", "-c"] as const,
        `trap 'echo up >${file}; exit' HUP; echo ready; ${LOOP}`,
      );
      await terminal.expect("ready");
      terminal.kill("SIGKILL");
      await until(() => exists(file), "the shell to be told");
      await until(() => agent.children.length === 0, "the shell's end");
    });

    await t.step("and a child that ignores SIGHUP is killed", async () => {
      await using terminal = start(
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
  "client -t ends, and the command with it, when its terminal goes away",
  async () => {
    await using agent = await startAgent();
    await using terminal = await startShell(agent);
    terminal.hangUp();
    assertEquals((await terminal.status).code, 129);
    await until(() => agent.children.length === 0, "the shell's end");
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

/** Quotes an argument for the shell. */
function quote(argument: string): string {
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}
