import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { type Agent, exists, startAgent } from "./_agent.ts";
import { bounded, until } from "./_bounded.ts";
import { childrenOf, membersOf } from "./_proc.ts";
import { dataFrame, decodeData, text } from "./_wire.ts";

/** Opens a session that runs a script, once the script has said so. */
async function runScript(
  agent: Agent,
  script: string,
  { shell = "sh", ...fields }: Readonly<Record<string, unknown>> = {},
) {
  const wire = await agent.open({
    type: "exec",
    argv: [shell, "-c", `${script.replace("READY", "echo ready")}`],
    ...fields,
  });
  const pid = await wire.expectStarted();
  await wire.expect("stdout");
  return { wire, pid };
}

async function assertStopped(agent: Agent, code = 0): Promise<void> {
  const status = await agent.status;
  assertEquals(status.code, code, agent.stderr);
  assertEquals(exists(agent.path), false);
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(
    `serve ends the children, tells the clients and exits with 0 on ${signal}`,
    bounded(async () => {
      await using agent = await startAgent();
      const first = await runScript(agent, "READY; exec sleep 60");
      const second = await runScript(
        agent,
        "trap 'echo bye; exit 7' TERM; READY; while :; do sleep 0.05; done",
      );
      using _1 = first.wire;
      using _2 = second.wire;
      agent.kill(signal);
      assertEquals((await first.wire.readSession()).end, {
        type: "exit",
        exit_code: 143,
        signal: "SIGTERM",
      });
      // What a child says when it is asked to end still arrives.
      const { stdout, end } = await second.wire.readSession();
      assertEquals(text(stdout), "bye\n");
      assertEquals(end, { type: "exit", exit_code: 7 });
      await assertStopped(agent);
      const records = agent.audit.map(({ exitCode }) => exitCode);
      assertEquals(records.toSorted(), [143, 7]);
    }),
  );
}

Deno.test(
  "serve hangs the terminals up when it stops",
  bounded(async () => {
    await using agent = await startAgent();
    const tty = { rows: 24, cols: 80 };
    // A shell for people, which ignores SIGTERM.
    using shell = await agent.open({
      ...{ type: "exec", argv: ["bash", "--norc", "-i"], tty },
      env: { PS1: "ready" },
    });
    await shell.expectStarted();
    for (let shown = ""; !shown.includes("ready");) {
      shown += decodeData(await shell.expect("stdout"));
    }
    const { wire } = await runScript(
      agent,
      "exec 2>/dev/null; trap 'echo hung up; exit 7' HUP; READY; while :; do sleep 0.05; done",
      { tty },
    );
    using _ = wire;
    agent.kill("SIGTERM");
    assertEquals((await shell.readSession()).end, {
      type: "exit",
      exit_code: 129,
      signal: "SIGHUP",
    });
    // What a command says when it is hung up still arrives.
    const { stdout, end } = await wire.readSession();
    assertEquals(text(stdout), "hung up\r\n");
    assertEquals(end, { type: "exit", exit_code: 7 });
    await assertStopped(agent);
  }),
);

Deno.test(
  "serve kills two seconds after its stop what ignores the hang-up",
  bounded(async () => {
    await using agent = await startAgent();
    // The foreground is a group of its own, which must not be left behind.
    const { wire, pid } = await runScript(
      agent,
      "set -m; trap '' HUP; (READY; while :; do sleep 0.05; done)",
      { shell: "bash", tty: { rows: 24, cols: 80 } },
    );
    using _ = wire;
    const [job] = childrenOf(pid);
    assertEquals(job?.group, job?.pid);
    const start = performance.now();
    agent.kill("SIGTERM");
    const { end } = await wire.readSession();
    assertEquals(end, { type: "exit", exit_code: 137, signal: "SIGKILL" });
    assertGreaterOrEqual(performance.now() - start, 2000);
    await assertStopped(agent);
    for (const group of [pid, job!.group]) {
      await until(() => membersOf(group).length === 0, "the groups' end");
    }
  }),
);

Deno.test(
  "serve leaves nobody of the child's group behind when it stops",
  bounded(async () => {
    await using agent = await startAgent();
    // The child ends when it is asked to; its own child doesn't.
    const { wire, pid } = await runScript(
      agent,
      "(trap '' TERM; exec sleep 60) </dev/null >/dev/null 2>&1 & sleep 0.2; READY; wait",
    );
    using _ = wire;
    agent.kill("SIGTERM");
    assertEquals((await wire.readSession()).end.exit_code, 143);
    await assertStopped(agent);
    await until(() => membersOf(pid).length === 0, "the grandchild's end");
  }),
);

Deno.test(
  "serve answers a session that has said nothing yet with busy when it stops",
  bounded(async () => {
    await using agent = await startAgent();
    using silent = await agent.connect();
    using half = await agent.open('{"type":"exec","argv":');
    // By the time this is answered, both were accepted.
    await agent.exec(["true"]);
    agent.kill("SIGTERM");
    for (const wire of [silent, half]) {
      const { frames, end } = await wire.readSession();
      assertEquals(frames.length, 1);
      assertEquals(end.type, "error");
      assertEquals(end.code, "busy");
    }
    await assertStopped(agent);
  }),
);

Deno.test(
  "serve stops though a child doesn't read its stdin",
  bounded(async () => {
    await using agent = await startAgent();
    const { wire, pid } = await runScript(agent, "READY; exec sleep 60");
    using _ = wire;
    const data = dataFrame("stdin", new Uint8Array(1024 * 1024));
    const sending = wire.trySend(Array(8).fill(data));
    agent.kill("SIGTERM");
    assertEquals((await wire.readSession()).end.exit_code, 143);
    await sending;
    await assertStopped(agent);
    assertEquals(membersOf(pid), []);
  }),
);

Deno.test(
  "serve ends at once on a second signal, and kills the children",
  bounded(async () => {
    for (const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
      await using agent = await startAgent();
      const { wire, pid } = await runScript(
        agent,
        "trap '' TERM; READY; sleep 60 & while :; do sleep 1; done",
      );
      using _ = wire;
      agent.kill("SIGTERM");
      await agent.waitForRecord(({ signal }) => signal === "SIGTERM");
      agent.kill(signal);
      await assertStopped(agent, code);
      await until(() => membersOf(pid).length === 0, "the children's end");
    }
  }),
);
