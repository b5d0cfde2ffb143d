import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { spawn } from "../ffi/process.ts";
import { bounded, until, untilStalled, within } from "./_bounded.ts";
import { childrenOf, processStat, writtenBytes } from "./_proc.ts";
import { childNamed } from "./_jobs.ts";
import { ENVIRONMENT, programArgs } from "./_program.ts";
import {
  LOOP,
  onTerminal,
  SHELL,
  startShell,
  startTerminalClient,
  Terminal,
  terminalTest,
} from "./_terminal.ts";

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
      terminal: { rows: 24, cols: 80 },
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
  "client -t ends, and the command with it, when its terminal goes away",
  async () => {
    await using agent = await startAgent();
    await using terminal = await startShell(agent);
    terminal.hangUp();
    assertEquals((await terminal.status).code, 129);
    await until(() => agent.children.length === 0, "the shell's end");
  },
);

/** Quotes an argument for the shell. */
function quote(argument: string): string {
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}
