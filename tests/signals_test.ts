import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { type Agent, exists, startAgent } from "./_agent.ts";
import { bounded, sleep, until } from "./_bounded.ts";
import { Peer } from "./_peer.ts";
import { childrenOf, membersOf, processStat } from "./_proc.ts";
import { programArgs } from "./_program.ts";
import { Running } from "./_running.ts";
import { dataFrame, decodeData, type Wire } from "./_wire.ts";

/** Says that it is there, and then of each signal that it came. */
const REPORT = `
  exec 2>/dev/null # The shell says how each sleep ends.
  for name in HUP INT QUIT USR1 USR2 TERM; do trap "echo $name" "$name"; done
  echo ready
  while :; do sleep 0.05; done`;

/** Says that it is there, and goes on. */
const GO_ON = "exec 2>/dev/null; echo ready; while :; do sleep 0.05; done";

/** A session that may send signals. */
interface Session extends Disposable {
  readonly wire: Wire;
  readonly pid: number;
}

/** Starts a client that runs a script. */
function startClient(
  agent: Agent | Peer,
  script: string,
  flags: readonly string[] = [],
): Running {
  const argv = ["sh", "-c", script];
  return new Running(
    programArgs("client", ["--unix", agent.path, ...flags, "--", ...argv]),
  );
}

/** Opens a session. */
async function open(
  agent: Agent,
  argv: readonly string[],
  fields: Readonly<Record<string, unknown>> = {},
): Promise<Session> {
  const wire = await agent.open({
    ...{ type: "exec", argv, features: ["signals"] },
    ...fields,
  });
  const pid = await wire.expectStarted();
  return { wire, pid, [Symbol.dispose]: () => wire.close() };
}

/** Reads output until it has grown to something. */
async function expectOutput(wire: Wire, pattern: RegExp): Promise<void> {
  for (let output = ""; !pattern.test(output);) {
    output += decodeData(await wire.expect("stdout"));
  }
}

Deno.test(
  "serve sends signals to the child",
  bounded(async () => {
    await using agent = await startAgent();
    using session = await open(agent, ["sh", "-c", REPORT]);
    const { wire } = session;
    await expectOutput(wire, /^ready\n$/);
    for (const name of ["HUP", "INT", "QUIT", "USR1", "USR2", "TERM"]) {
      await wire.send({ type: "signal", signal: `SIG${name}` });
      await expectOutput(wire, new RegExp(`^${name}\n$`));
    }
    await wire.send({ type: "signal", signal: "SIGKILL" });
    const { end } = await wire.readSession();
    assertEquals(end, { type: "exit", exit_code: 137, signal: "SIGKILL" });
  }),
);

Deno.test(
  "serve sends signals to the whole process group",
  bounded(async () => {
    await using agent = await startAgent();
    using session = await open(agent, [
      ...["sh", "-c", "sleep 60 & sleep 60 & wait"],
    ]);
    const { wire, pid: group } = session;
    await until(
      () =>
        membersOf(group).filter(({ name }) => name === "sleep").length === 2,
      "the group",
    );
    await wire.send({ type: "signal", signal: "SIGSTOP" });
    await until(
      () => membersOf(group).every(({ state }) => state === "T"),
      () => `the group to stop: ${JSON.stringify(membersOf(group))}`,
    );
    await wire.send({ type: "signal", signal: "SIGCONT" });
    await until(
      () => membersOf(group).every(({ state }) => state !== "T"),
      () => `the group to go on: ${JSON.stringify(membersOf(group))}`,
    );
    await wire.send({ type: "signal", signal: "SIGTERM" });
    const { end } = await wire.readSession();
    assertEquals(end, { type: "exit", exit_code: 143, signal: "SIGTERM" });
    await until(() => membersOf(group).length === 0, "the end of the group");
  }),
);

Deno.test(
  "serve sends signals to the group in the foreground of a terminal",
  bounded(async () => {
    await using agent = await startAgent();
    using session = await open(agent, ["bash", "--norc", "-i"], {
      tty: { rows: 24, cols: 80 },
      env: { PS1: "$ " },
    });
    const { wire, pid: shell } = session;
    await wire.send(dataFrame("stdin", "sleep 60\n"));
    const job = await until(
      () => childrenOf(shell).find(({ name }) => name === "sleep"),
      "the job",
    );
    assert(job.group !== shell);
    await wire.send({ type: "signal", signal: "SIGTERM" });
    await until(() => processStat(job.pid) === undefined, "the job's end");
    // An interactive shell ignores SIGTERM, but not SIGHUP.
    await wire.send(dataFrame("stdin", "echo $((6 * 7)) on\n"));
    await expectOutput(wire, /42 on/);
    await wire.send({ type: "signal", signal: "SIGHUP" });
    const { end } = await wire.readSession();
    assertEquals(end, { type: "exit", exit_code: 129, signal: "SIGHUP" });
  }),
);

Deno.test(
  "serve kills the child when a signal's name is none",
  bounded(async () => {
    await using agent = await startAgent();
    const names = ["SIGNONE", "TERM", "sigterm", "15", "", undefined, 15];
    for (const signal of names) {
      using session = await open(agent, ["sleep", "60"]);
      const { wire, pid: group } = session;
      await wire.send({ type: "signal", signal });
      const { end } = await wire.readSession();
      assertEquals([end.type, end["code"]], ["error", "protocol"]);
      if (typeof signal === "string") {
        assertStringIncludes(end["message"] as string, JSON.stringify(signal));
      }
      await until(() => membersOf(group).length === 0, "the child's end");
    }
  }),
);

Deno.test(
  "serve takes a signal frame for the question whether it has signals",
  bounded(async () => {
    await using agent = await startAgent();
    for (const features of [undefined, ["flow"]]) {
      using session = await open(agent, ["sleep", "60"], { features });
      const { wire } = session;
      await wire.send({ type: "signal", signal: "SIGUSR1" });
      const { end } = await wire.readSession();
      assertEquals(end, { type: "exit", exit_code: 138, signal: "SIGUSR1" });
    }
  }),
);

Deno.test(
  "client sends signals on to the command",
  bounded(async () => {
    await using agent = await startAgent();
    await using client = startClient(agent, REPORT);
    await client.stdout.expect("ready\n");
    for (
      const name of ["HUP", "INT", "QUIT", "USR1", "USR2", "TERM"] as const
    ) {
      client.kill(`SIG${name}`);
      await client.stdout.expect(`${name}\n`);
    }
    client.kill("SIGKILL");
    await until(() => agent.children.length === 0, "the command's end");
  }),
);

Deno.test(
  "client exits as the command does that a signal has ended",
  bounded(async () => {
    await using agent = await startAgent();
    const cases: [signal: Deno.Signal, script: string, code: number][] = [
      ["SIGTERM", "echo ready; exec sleep 60", 143],
      ["SIGINT", "echo ready; exec sleep 60", 130],
      ["SIGHUP", "echo ready; exec sleep 60", 129],
      ["SIGUSR2", "echo ready; exec sleep 60", 140],
      ["SIGTERM", `trap "echo bye; exit 3" TERM; ${GO_ON}`, 3],
    ];
    await Promise.all(cases.map(async ([signal, script, code]) => {
      await using client = startClient(agent, script);
      await client.stdout.expect("ready\n");
      client.kill(signal);
      assertEquals(await client.code, code, signal);
      assertEquals(client.stderr.text, "");
    }));
  }),
);

Deno.test(
  "client leaves when SIGINT comes twice within a second",
  bounded(async () => {
    await using agent = await startAgent();
    const script = "trap '' INT; echo ready; sleep 60";
    await using client = startClient(agent, script);
    await client.stdout.expect("ready\n");
    // Two at once may arrive as one.
    await until(() => {
      client.kill("SIGINT");
      return client.over;
    }, "the client's end");
    assertEquals(await client.code, 130);
    await until(() => agent.children.length === 0, "the command's end");
  }),
);

Deno.test(
  "client stays when SIGINT comes twice in more than a second",
  bounded(async () => {
    await using agent = await startAgent();
    await using client = startClient(agent, REPORT);
    await client.stdout.expect("ready\n");
    client.kill("SIGINT");
    await client.stdout.expect("INT\n");
    await sleep(1100);
    client.kill("SIGINT");
    await client.stdout.expect("INT\n");
    client.kill("SIGTERM");
    await client.stdout.expect("TERM\n");
    client.kill("SIGKILL");
  }),
);

Deno.test(
  "client leaves, and says so, when the agent cannot send signals",
  bounded(async () => {
    await using agent = new Peer(async (wire) => {
      await wire.expect("exec");
      await wire.send({ type: "started", pid: 42 });
      await wire.send(dataFrame("stdout", "ready\n"));
      // Nothing but the end of stdin, and then the end of the connection.
      while (await wire.read() !== undefined);
    });
    for (const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
      await using client = startClient(agent, "sleep 60");
      await client.stdout.expect("ready\n");
      client.kill(signal);
      assertEquals(await client.code, code);
      assertMatch(client.stderr.text, /^cocoon-agent: [^\n]+\n$/);
      assertStringIncludes(client.stderr.text, signal);
    }
  }),
);

Deno.test(
  "client ends by a signal that comes before the agent has answered",
  bounded(async () => {
    const asked = Promise.withResolvers<void>();
    await using silent = new Peer(async (wire, closing) => {
      await wire.expect("exec");
      asked.resolve();
      await Promise.race([closing, wire.readChunk()]);
    });
    await using client = startClient(silent, "sleep 60");
    await asked.promise;
    client.kill("SIGTERM");
    assertEquals(await client.code, 143);
  }),
);

Deno.test(
  "client --timeout ends the command, and exits with 124",
  bounded(async () => {
    await using agent = await startAgent();
    const marker = `${agent.folder}/marker`;
    const cases: [script: string, code: number][] = [
      ["exec sleep 60", 124],
      [`trap 'echo >${marker}; exit 0' TERM; ${GO_ON}`, 124],
      ["exit 5", 5],
    ];
    await Promise.all(cases.map(async ([script, code]) => {
      await using client = startClient(agent, script, ["--timeout", "2s"]);
      assertEquals(await client.code, code, script);
    }));
    assert(exists(marker));
  }),
);
