import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Agent, startAgent } from "./_agent.ts";
import { bounded, until } from "./_bounded.ts";
import { processStat } from "./_proc.ts";
import { programArgs } from "./_program.ts";
import { Running } from "./_running.ts";

/** Says that it is there, and goes on whatever comes. */
const STUBBORN =
  "trap '' HUP INT TERM; echo ready; while :; do sleep 0.05; done";

/**
 * Starts a client whose control channel is the standard input and whose status
 * channel is the standard output. The command writes to standard error, and its
 * stdin stays open.
 */
function start(
  agent: Agent,
  argv: readonly string[],
  flags: readonly string[] = [],
): Running {
  const script = 'mkfifo "$0"; exec "$@" 3<&0 4>&1 0<>"$0" 1>&2';
  return new Running([
    ...["sh", "-c", script, `${agent.folder}/${crypto.randomUUID()}`] as const,
    ...programArgs("client", [
      ...["--unix", agent.path, "--control-fd", "3", "--status-fd", "4"],
      ...[...flags, "--", ...argv],
    ]),
  ]);
}

/** Returns the status lines of a client that has ended. */
function statusLines(client: Running): unknown[] {
  return client.stdout.text.trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
}

Deno.test(
  "client --status-fd says that the command runs, and how it has ended",
  bounded(async () => {
    await using agent = await startAgent();
    const cases: [script: string, exit: unknown][] = [
      ["true", { code: 0 }],
      ["exit 125", { code: 125 }],
      ["kill -TERM $$", { code: 143, signal: "SIGTERM" }],
    ];
    for (const [script, exit] of cases) {
      await using client = start(agent, ["sh", "-c", `echo $$; ${script}`]);
      await client.code;
      const [started, ...rest] = statusLines(client);
      const pid = Number(client.stderr.text);
      const features = ["signals", "flow", "raw"];
      assertEquals(started, { started: { pid, features } });
      assertEquals(rest, [{ exit }]);
    }
  }),
);

Deno.test(
  "client --status-fd says when the command's time was up",
  bounded(async () => {
    await using agent = await startAgent();
    await using client = start(agent, ["sleep", "60"], ["--timeout", "200ms"]);
    assertEquals(await client.code, 124);
    assertEquals(statusLines(client).slice(1), [
      { exit: { code: 143, signal: "SIGTERM", timed_out: true } },
    ]);
  }),
);

Deno.test(
  "client --status-fd says what failed",
  bounded(async () => {
    await using agent = await startAgent({
      args: ["--allow-run=echo,sleep,no-such-program,/etc"],
    });
    const cases: [
      argv: string[],
      flags: string[],
      error: string,
      code: number,
    ][] = [
      [["no-such-program"], [], "not_found", 127],
      [["/etc"], [], "not_executable", 126],
      [["sh"], [], "denied", 126],
      [["echo"], ["--timeout", "soon"], "usage", 125],
    ];
    for (const [argv, flags, error, code] of cases) {
      await using client = start(agent, argv, flags);
      assertEquals(await client.code, code);
      const lines = statusLines(client) as { error: Record<string, string> }[];
      assertEquals(lines.map((line) => line.error?.["code"]), [error]);
      // People are told the same.
      const { message } = lines[0]!.error;
      assert(client.stderr.text.startsWith(`cocoon-agent: ${message}\n`));
    }
  }),
);

Deno.test(
  "client --status-fd has its last line after all output",
  bounded(async () => {
    await using agent = await startAgent();
    const [program, ...args] = programArgs("client", [
      ...["--unix", agent.path, "--status-fd", "4", "--"],
      ...["sh", "-c", "seq 100000; exit 3"],
    ]);
    await using client = new Running(
      ["sh", "-c", 'exec "$@" 4>&1', "sh", program, ...args],
    );
    assertEquals(await client.code, 3);
    const lines = client.stdout.text.trimEnd().split("\n");
    assertMatch(lines[0]!, /^\{"started":/);
    assertEquals(lines.slice(1, -1).join(), numbers(100_000).join());
    assertEquals(lines.at(-1), '{"exit":{"code":3}}');
  }),
);

Deno.test(
  "client --control-fd ends the command's stdin",
  bounded(async () => {
    await using agent = await startAgent();
    await using client = start(agent, ["wc", "-c"]);
    await client.write('{"stdin_close":true}\n');
    assertEquals(await client.code, 0);
    assertEquals(client.stderr.text.trim(), "0");
  }),
);

Deno.test(
  "client --control-fd sends signals",
  bounded(async () => {
    await using agent = await startAgent();
    const script =
      "trap 'echo one' USR1; trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done 2>&-";
    await using client = start(agent, ["sh", "-c", script]);
    await client.stderr.expect("ready\n");
    await client.write('{"signal":"SIGUSR1"}\n');
    await client.stderr.expect("one\n");
    await client.write('{"signal":"SIGTERM"}\n');
    assertEquals(await client.code, 9);
  }),
);

Deno.test(
  "client --control-fd tells the terminal its size",
  bounded(async () => {
    await using agent = await startAgent();
    const script =
      "stty size; trap 'stty size; exit 4' WINCH; echo ready; while :; do sleep 0.05; done";
    await using client = start(agent, ["sh", "-c", script], ["-t"]);
    await client.stderr.expect("24 80\r\nready\r\n");
    await client.write('{"resize":{"rows":40,"cols":120}}\n');
    await client.stderr.expect("40 120\r\n");
    assertEquals(await client.code, 4);
  }),
);

Deno.test(
  "client --control-fd leaves on a line that makes no sense",
  bounded(async () => {
    await using agent = await startAgent();
    const lines = [
      ...["no JSON", "[]", "{}", '{"signal":"SIGNONE"}', '{"signal":15}'],
      ...['{"stdin_close":false}', '{"resize":{"rows":1}}', '{"other":1}'],
    ];
    for (const line of lines) {
      await using client = start(agent, ["sh", "-c", STUBBORN]);
      await client.stderr.expect("ready\n");
      // Without a terminal this makes no difference, but it makes sense.
      await client.write('{"resize":{"rows":40,"cols":120}}\n');
      await client.write(`${line}\n`);
      await assertLeft(client, "usage");
    }
    await until(() => agent.children.length === 0, "the commands' end");
  }),
);

Deno.test(
  "client kills the command when its control channel ends",
  bounded(async () => {
    await using agent = await startAgent();
    for (const flags of [[], ["-t"]]) {
      await using client = start(agent, ["sh", "-c", STUBBORN], flags);
      await client.stderr.expect("ready");
      await client.closeStdin();
      await assertLeft(client, "cancelled");
    }
    await until(() => agent.children.length === 0, "the commands' end");
  }),
);

Deno.test(
  "client kills the command when nobody reads its status channel any more",
  bounded(async () => {
    await using agent = await startAgent();
    const [program, ...args] = programArgs("client", [
      ...["--unix", agent.path, "--status-fd", "4", "--"],
      ...["sh", "-c", STUBBORN],
    ]);
    await using client = new Running([
      ...["bash", "-c", 'exec "$@" 4> >(head -n 1)', "bash"] as const,
      ...[program, ...args],
    ]);
    const [, pid] = await client.stdout.expect(/\{"started":\{"pid":(\d+),/);
    assertEquals(await client.code, 125);
    await until(() => !processStat(Number(pid)), "the command's end");
  }),
);

Deno.test(
  "client kills a silent command when nobody reads its output any more",
  bounded(async () => {
    await using agent = await startAgent();
    const [program, ...args] = programArgs("client", [
      ...["--unix", agent.path, "--status-fd", "4", "--"],
      ...["sh", "-c", "echo $$; exec sleep 60"],
    ]);
    await using client = new Running([
      ...["bash", "-c", 'exec "$@" 4>&1 1> >(head -n 1 >&2)', "bash"] as const,
      ...[program, ...args],
    ]);
    const [pid] = await client.stderr.expect(/^\d+\n/);
    assertEquals(await client.code, 141);
    const [, end] = statusLines(client) as { error: { code: string } }[];
    assertEquals(end?.error.code, "cancelled");
    await until(() => !processStat(Number(pid)), "the command's end");
  }),
);

Deno.test(
  "client kills the command when nobody has ever read its status channel",
  bounded(async () => {
    await using agent = await startAgent();
    await using client = startUnread(agent, 4);
    assertEquals(await client.code, 125);
    assertMatch(client.stderr.text, /^cocoon-agent: [^\n]*status channel/);
    await until(() => agent.children.length === 0, "the command's end");
  }),
);

Deno.test(
  "client kills the command when nobody has ever read its output",
  bounded(async () => {
    await using agent = await startAgent();
    for (const fd of [1, 2]) {
      await using client = startUnread(agent, fd);
      assertEquals(await client.code, 141);
      const lines = statusLines(client) as { error?: { code: string } }[];
      assertEquals(lines.at(-1)?.error?.code, "cancelled");
    }
    await until(() => agent.children.length === 0, "the commands' end");
  }),
);

/**
 * Starts a client of a silent command, whose status channel is the standard
 * output. One of its descriptors is a pipe's that nobody has open to read.
 */
function startUnread(agent: Agent, fd: number): Running {
  const script =
    `mkfifo "$0"; exec 4>&1 5<>"$0"; exec ${fd}>"$0" 5<&-; exec "$@"`;
  return new Running([
    ...["sh", "-c", script, `${agent.folder}/${crypto.randomUUID()}`] as const,
    ...programArgs("client", [
      ...["--unix", agent.path, "--status-fd", "4", "--", "sleep", "60"],
    ]),
  ]);
}

/** Checks that a client leaves its command, and says why. */
async function assertLeft(client: Running, code: string): Promise<void> {
  assertEquals(await client.code, 125);
  const [started, ...rest] = statusLines(client) as Record<
    string,
    { code: string }
  >[];
  assert(started!["started"] !== undefined);
  assertEquals(rest.map(({ error }) => error?.code), [code]);
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
