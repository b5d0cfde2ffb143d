import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Agent, startAgent } from "./_agent.ts";
import { bounded, until, within } from "./_bounded.ts";
import { ENVIRONMENT, programArgs } from "./_program.ts";
import { lacks } from "./_tools.ts";
import { text } from "./_wire.ts";

const NONBLOCKING = new URL("_nonblocking.py", import.meta.url).pathname;

const POLICY = JSON.stringify({
  version: 1,
  rules: [{ effect: "allow", programs: ["true"] }],
});

/** What `_nonblocking.py` prints. */
interface Result {
  /** The program's exit code. */
  readonly code: number;
  /** How many bytes came. */
  readonly count: number;
  /** The last of them. */
  readonly tail: string;
  /** What came by the other output. */
  readonly other: string;
  /** Whether the descriptor has the flags that it had. */
  readonly kept: boolean;
}

/** Runs a program one of whose outputs is non-blocking, full, and read late. */
async function runNonBlocking(
  kind: string,
  name: "stdout" | "stderr",
  argv: readonly string[],
): Promise<Result> {
  const { stdout, stderr } = await new Deno.Command("python3", {
    args: [NONBLOCKING, kind, name, ...argv],
    env: ENVIRONMENT,
  }).output();
  assert(stdout.length > 0, text(stderr));
  return JSON.parse(text(stdout));
}

function client(agent: Agent, ...argv: readonly string[]) {
  return programArgs("client", ["--unix", agent.path, "--", ...argv]);
}

for (const kind of ["pipe", "socket", "terminal"]) {
  Deno.test({
    name: `client waits for room in a ${kind} that is non-blocking`,
    ignore: lacks("python3"),
    fn: bounded(async () => {
      await using agent = await startAgent();
      const [stdout, stderr] = await Promise.all([
        runNonBlocking(
          kind,
          "stdout",
          client(agent, "sh", "-c", "head -c 1000000 /dev/zero; exit 3"),
        ),
        runNonBlocking(
          kind,
          "stderr",
          client(agent, "sh", "-c", "head -c 1000000 /dev/zero >&2; exit 3"),
        ),
      ]);
      for (const { code, count, other, kept } of [stdout, stderr]) {
        assertEquals([code, count, other, kept], [3, 1_000_000, "", true]);
      }
    }),
  });

  Deno.test({
    name:
      `all that is printed waits for room in a ${kind} that is non-blocking`,
    ignore: lacks("python3"),
    fn: bounded(async () => {
      await using agent = await startAgent();
      const policy = `${agent.folder}/policy.json`;
      await Deno.writeTextFile(
        policy,
        POLICY,
      );
      const cases: [argv: string[], code: number, expected: RegExp][] = [
        [programArgs("client", ["--help"]), 0, /^Run a command .*any more\n$/s],
        [programArgs("info", ["--unix", agent.path]), 0, /^version .*\n$/s],
        [
          programArgs("serve", ["--check-policy", policy, "--", "true"]),
          0,
          /^allowed: .*\n$/s,
        ],
      ];
      await Promise.all(cases.map(async ([argv, code, expected]) => {
        const result = await runNonBlocking(kind, "stdout", argv);
        assertEquals([result.code, result.other], [code, ""], result.tail);
        assertMatch(result.tail, expected);
      }));
    }),
  });
}

for (const kind of ["pipe", "socket"]) {
  Deno.test({
    name: `messages wait for room in a ${kind} that is non-blocking`,
    ignore: lacks("python3"),
    fn: bounded(async () => {
      await using agent = await startAgent();
      const cases: [argv: string[], code: number, expected: RegExp][] = [
        [client(agent, "/no/such"), 127, /^cocoon-agent: .*such.*\n$/],
        [
          programArgs("info", ["--unix", "/no/such"]),
          1,
          /^cocoon-agent: .*\n$/,
        ],
        [programArgs("info", ["--no-such"]), 2, /^cocoon-agent: .*\nTry .*\n$/],
      ];
      await Promise.all(cases.map(async ([argv, code, expected]) => {
        const result = await runNonBlocking(kind, "stderr", argv);
        assertEquals([result.code, result.other], [code, ""], result.tail);
        assertMatch(result.tail, expected);
      }));
    }),
  });
}

/** Runs a program by a shell that redirects its output. */
async function redirect(
  redirection: string,
  argv: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const process = new Deno.Command("sh", {
    args: ["-c", `exec "$@" ${redirection}`, "sh", ...argv],
    env: ENVIRONMENT,
    stdin: "null",
  });
  const { code, stdout, stderr } = await within(
    process.output(),
    `the end of ${argv}`,
  );
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test(
  "client fails when the command's output can't be written, and not where there is none",
  bounded(async (t) => {
    await using agent = await startAgent();
    const path = `${agent.folder}/file`;
    await Deno.writeTextFile(path, "as it was\n");
    const cases: [redirection: string, reason: RegExp][] = [
      [">&-", /^cocoon-agent: Cannot write to stdout: .*\(EBADF\)\n$/],
      [`1<${path}`, /^cocoon-agent: Cannot write to stdout: .*\(EBADF\)\n$/],
      ["1</", /^cocoon-agent: Cannot write to stdout: .*\(EBADF\)\n$/],
      [">/dev/full", /^cocoon-agent: Cannot write to stdout: .*\(ENOSPC\)\n$/],
      ["2>&-", /^$/],
      [`2<${path}`, /^$/],
    ];
    for (const [redirection, reason] of cases) {
      await t.step(redirection, async () => {
        const [both, none] = await Promise.all([
          redirect(
            redirection,
            client(agent, "sh", "-c", "echo out; echo err >&2; sleep 60"),
          ),
          redirect(redirection, client(agent, "sh", "-c", "exit 3")),
        ]);
        assertEquals(both.code, 125);
        assertMatch(both.stderr.replace("err\n", ""), reason);
        assertEquals(none, { code: 3, stdout: "", stderr: "" });
      });
    }
    assertEquals(await Deno.readTextFile(path), "as it was\n");
    await until(() => agent.children.length === 0, "the commands' end");
  }),
);

Deno.test({
  name: "client takes it for deliberate when its output is thrown away",
  ignore: lacks("python3"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    const argv = client(agent, "echo", "out");
    const script = "import subprocess, sys\n" +
      "sys.exit(subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL))";
    for (
      const [redirection, program] of [
        [">/dev/null", argv],
        ["", ["python3", "-c", script, ...argv]],
        ["", [
          "python3",
          "-c",
          script,
          "sh",
          "-c",
          '"$@"; exit',
          "sh",
          ...argv,
        ]],
      ] as const
    ) {
      assertEquals(
        await redirect(redirection, program),
        { code: 0, stdout: "", stderr: "" },
      );
    }
  }),
});

Deno.test(
  "all that is printed fails with a message where it can't be written",
  bounded(async () => {
    await using agent = await startAgent();
    for (
      const argv of [
        programArgs("info", ["--unix", agent.path]),
        programArgs("info", ["--unix", agent.path, "--json"]),
        programArgs("info", ["--help"]),
      ]
    ) {
      for (const redirection of [">&-", "1</", ">/dev/full"]) {
        const { code, stderr } = await redirect(redirection, argv);
        assertEquals(code, 1, redirection);
        assertMatch(stderr, /^cocoon-agent: Cannot write to stdout: .*\n$/);
      }
    }
  }),
);

/** Runs a program whose standard output is a pipe that nobody reads. */
const UNREAD = `
import os, subprocess, sys
reader, writer = os.pipe()
os.close(reader)
sys.exit(subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=writer))
`;

Deno.test({
  name: "all that is printed ends quietly with 141 when nobody reads it",
  ignore: lacks("python3"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    const policy = `${agent.folder}/policy.json`;
    await Deno.writeTextFile(
      policy,
      POLICY,
    );
    for (
      const argv of [
        programArgs("info", ["--unix", agent.path]),
        programArgs("info", ["--unix", agent.path, "--json"]),
        programArgs("serve", ["--check-policy", policy, "--", "true"]),
        programArgs("client", ["--help"]),
        client(agent, "sh", "-c", "echo out; sleep 60"),
      ]
    ) {
      const { code, stdout, stderr } = await new Deno.Command("python3", {
        args: ["-c", UNREAD, ...argv],
        env: ENVIRONMENT,
      }).output();
      assertEquals([code, text(stdout), text(stderr)], [141, "", ""]);
    }
  }),
});
