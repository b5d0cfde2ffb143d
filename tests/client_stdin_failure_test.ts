import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Agent, exists, startAgent } from "./_agent.ts";
import { bounded, until } from "./_bounded.ts";
import { ENVIRONMENT, programArgs } from "./_program.ts";
import { run } from "./_redirected.ts";
import { lacks } from "./_tools.ts";
import { text } from "./_wire.ts";

/** Keeps its input as whole once that has ended. */
const KEEP = ["sh", "-c", "cat > part && mv part whole"];

/** Asserts that a command was killed, and has not seen an end of its input. */
async function assertKilled(agent: Agent): Promise<void> {
  await until(() => agent.children.length === 0, "the end of the command");
  assert(!exists(`${agent.folder}/whole`), "The command took a part for all");
}

Deno.test(
  "client kills the command when its stdin fails",
  bounded(async (t) => {
    await using agent = await startAgent();
    const cases: [redirection: string, reason: string][] = [
      ["exec CLIENT < /", "Is a directory (EISDIR)"],
      // The memory of the shell, which stays.
      ["{ CLIENT; } < /proc/self/mem", "Input/output error (EIO)"],
    ];
    for (const [redirection, reason] of cases) {
      const message = `Cannot read stdin: ${reason}`;
      for (const flags of [[], ["--no-raw"], ["-t"]]) {
        await t.step(`${redirection} ${flags}`, async () => {
          const { code, stdout, stderr } = await run(
            ...[agent, redirection, KEEP, flags] as const,
          );
          assertEquals([code, stdout], [125, ""]);
          assertEquals(stderr, `cocoon-agent: ${message}\n`);
          await assertKilled(agent);
        });
      }
      await t.step(
        `${redirection} for a program that runs the client`,
        async () => {
          const { code, stdout } = await run(
            ...[
              agent,
              `${redirection.replace("CLIENT", "CLIENT 3>&1")}`,
              KEEP,
              [
                "--status-fd",
                "3",
              ],
            ] as const,
          );
          assertEquals(code, 125);
          const [started, error, ...more] = stdout.trimEnd().split("\n");
          assertMatch(started!, /^{"started":/);
          assertEquals(JSON.parse(error!), {
            error: { code: "internal", message },
          });
          assertEquals(more, []);
          await assertKilled(agent);
        },
      );
    }
  }),
);

/**
 * Gives a program a TCP connection as its descriptor N, sends something, waits until
 * the program has told that it has it by a line, and resets the connection.
 */
const RESET = `
import os, socket, struct, subprocess, sys
number, text, *argv = sys.argv[1:]
server = socket.create_server(("127.0.0.1", 0))
own = socket.create_connection(server.getsockname())
other, _ = server.accept()
os.dup2(other.fileno(), int(number))
options = {"stdin": int(number)} if number == "0" else {"pass_fds": [int(number)]}
program = subprocess.Popen(argv, stdout=subprocess.PIPE, **options)
other.close()
os.close(int(number))
own.sendall(text.encode())
program.stdout.readline()
own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
own.close()
sys.stdout.buffer.write(program.stdout.read())
sys.exit(program.wait())
`;

Deno.test({
  name:
    "client kills the command when its stdin, or the control channel, is reset",
  ignore: lacks("python3"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    const keep = ["sh", "-c", "head -n 1 && cat > part && mv part whole"];
    const cases: [
      number: string,
      name: string,
      text: string,
      flags: string[],
    ][] = [
      ["0", "stdin", "line\nmore", []],
      ["0", "stdin", "line\nmore", ["--no-raw"]],
      ["3", "the control channel", "", ["--control-fd", "3"]],
    ];
    for (const [number, name, sent, flags] of cases) {
      const argv = number === "0" ? keep : ["sh", "-c", "echo; cat; sleep 60"];
      const client = programArgs("client", [
        ...["--unix", agent.path, "-w", agent.folder, ...flags, "--", ...argv],
      ]);
      const { code, stderr } = await new Deno.Command("python3", {
        args: ["-c", RESET, number, sent, ...client],
        env: ENVIRONMENT,
        stdin: "null",
      }).output();
      assertEquals(
        [code, text(stderr)],
        [
          125,
          `cocoon-agent: Cannot read ${name}: Connection reset by peer (ECONNRESET)\n`,
        ],
      );
      await assertKilled(agent);
    }
  }),
});

Deno.test(
  "client kills the command when the control channel can't be read",
  bounded(async () => {
    await using agent = await startAgent();
    assertEquals(
      await run(agent, "exec CLIENT 3</", ["sleep", "60"], [
        ...["--control-fd", "3"],
      ]),
      {
        code: 125,
        stdout: "",
        stderr:
          "cocoon-agent: Cannot read the control channel: Is a directory (EISDIR)\n",
      },
    );
    await assertKilled(agent);
  }),
);
