import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  AgentError,
  ConnectionError,
  info,
  output,
  spawn,
  waitForAgent,
} from "../client/mod.ts";
import { type Agent, startAgent } from "./_agent.ts";
import { until, untilStalled, within } from "./_bounded.ts";
import { leakless } from "./_leakless.ts";
import { Peer } from "./_peer.ts";
import { membersOf, processStat, writtenBytes } from "./_proc.ts";
import { randomBytes, sha256, text } from "./_wire.ts";

const MIB = 1024 * 1024;

/** Makes a test of calls to an agent on a socket. */
function withAgent(
  test: (target: { unix: string }, agent: Agent) => Promise<void>,
): (context: Deno.TestContext) => Promise<void> {
  return leakless(async () => {
    await using agent = await startAgent();
    await test({ unix: agent.path }, agent);
  });
}

async function assertGone(group: number): Promise<void> {
  await until(() => membersOf(group).length === 0, "the command's end", 1000);
}

Deno.test(
  "spawn() streams stdin, stdout and stderr of a command",
  withAgent(async (unix) => {
    await using process = await spawn(unix, [
      ...["sh", "-c", "cat; echo $A >&2; exit 3"],
    ], { env: { A: "b" } });
    const bytes = randomBytes(3 * MIB + 1);
    const [stdout, stderr] = await Promise.all([
      new Response(process.stdout).bytes(),
      new Response(process.stderr).text(),
      new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
        .pipeTo(process.stdin),
    ]);
    assertEquals(await sha256(stdout), await sha256(bytes));
    assertEquals(stderr, "b\n");
    assertEquals(await process.status, {
      success: false,
      code: 3,
      signal: null,
      timedOut: false,
    });
  }),
);

Deno.test(
  "spawn() names the process, which runs",
  withAgent(async (unix) => {
    await using process = await spawn(unix, ["sleep", "60"]);
    assertEquals(membersOf(process.pid).map(({ name }) => name), ["sleep"]);
  }),
);

Deno.test(
  "spawn() gives the command no input when stdin is null",
  withAgent(async (unix) => {
    await using process = await spawn(unix, ["wc", "-c"], { stdin: "null" });
    assertEquals((await new Response(process.stdout).text()).trim(), "0");
    assertEquals((await process.status).code, 0);
  }),
);

Deno.test(
  "spawn() throws output away when stdout or stderr is null",
  withAgent(async (unix) => {
    await using process = await spawn(unix, [
      ...["sh", "-c", "head -c 8388608 /dev/zero; echo err >&2"],
    ], { stdin: "null", stdout: "null" });
    assertEquals(await new Response(process.stderr).text(), "err\n");
    assertEquals((await process.status).code, 0);
    await using quiet = await spawn(unix, ["sh", "-c", "echo x; echo y >&2"], {
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    assertEquals((await quiet.status).code, 0);
  }),
);

Deno.test(
  "spawn() goes on when a reader cancels",
  withAgent(async (unix) => {
    await using process = await spawn(unix, [
      ...["sh", "-c", "head -c 8388608 /dev/zero; echo err >&2; exit 5"],
    ], { stdin: "null" });
    const reader = process.stdout.getReader();
    await reader.read();
    await reader.cancel();
    assertEquals(await new Response(process.stderr).text(), "err\n");
    assertEquals((await process.status).code, 5);
  }),
);

Deno.test(
  "RemoteProcess.status names the signal when one ended the command",
  withAgent(async (unix) => {
    const { success, code, signal } = await output(unix, [
      ...["sh", "-c", "kill -USR1 $$"],
    ]);
    assertEquals([success, code, signal], [false, 138, "SIGUSR1"]);
  }),
);

Deno.test(
  "RemoteProcess.stdin rejects with BrokenPipe when the command has ended",
  withAgent(async (unix) => {
    await using process = await spawn(unix, ["true"]);
    await process.status;
    const writer = process.stdin.getWriter();
    writer.closed.catch(() => {});
    await assertRejects(async () => {
      // What is on its way already may still seem to be taken.
      for (let i = 0; i < 10; i++) await writer.write(new Uint8Array(1));
    }, Deno.errors.BrokenPipe);
  }),
);

Deno.test(
  "RemoteProcess.stdin holds the writer up when the command doesn't read",
  withAgent(async (unix) => {
    await using process = await spawn(unix, ["sleep", "60"]);
    const writer = process.stdin.getWriter();
    let written = 0;
    const pump = (async () => {
      for (; written < 64 * MIB; written += MIB) {
        await writer.write(new Uint8Array(MIB));
      }
    })();
    const stopped = assertRejects(() => pump, Deno.errors.BrokenPipe);
    assertLess(await untilStalled(() => written, "stdin"), 8 * MIB);
    process.kill("SIGKILL");
    await stopped;
    assertEquals((await process.status).code, 137);
  }),
);

Deno.test(
  "RemoteProcess.stdin rejects when stdin is null",
  withAgent(async (unix) => {
    await using process = await spawn(unix, ["sleep", "60"], { stdin: "null" });
    const writer = process.stdin.getWriter();
    await within(writer.closed, "the stream, which is closed");
    await assertRejects(() => writer.write(new Uint8Array(1)), TypeError);
  }),
);

Deno.test(
  "RemoteProcess.stdin can be aborted when the command doesn't read",
  withAgent(async (unix) => {
    await using process = await spawn(unix, ["wc", "-c"]);
    process.kill("SIGSTOP");
    await until(() => processStat(process.pid)?.state === "T", "the command");
    const writer = process.stdin.getWriter();
    let written = 0;
    const pump = (async () => {
      for (;;) {
        await writer.write(new Uint8Array(MIB));
        written += MIB;
      }
    })();
    const stopped = assertRejects(() => pump);
    await untilStalled(() => written, "stdin");
    await within(writer.abort(new Error("enough")), "the abort");
    await stopped;
    // It is the end of what the command reads, which has part of the last write.
    process.kill("SIGCONT");
    const count = Number(await new Response(process.stdout).text());
    assertGreaterOrEqual(count, written);
    assertLess(count, written + MIB);
    assertEquals((await process.status).code, 0);
  }),
);

Deno.test(
  "RemoteProcess.kill() sends the signal to the command's whole group",
  withAgent(async (unix) => {
    await using process = await spawn(unix, [
      "sh",
      "-c",
      "(trap 'echo inner; exit' USR1; echo; while :; do sleep 0.01; done) & trap 'wait; exit 3' USR1; wait",
    ]);
    const reader = process.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    assertEquals((await reader.read()).value, "\n");
    process.kill("SIGUSR1");
    assertEquals((await reader.read()).value, "inner\n");
    assertEquals((await process.status).code, 3);
  }),
);

Deno.test(
  "RemoteProcess.kill() sends SIGTERM unless told otherwise, and knows no other names",
  withAgent(async (unix) => {
    const process = await spawn(unix, ["sleep", "60"]);
    assertThrows(
      () => process.kill("TERM" as Deno.Signal),
      TypeError,
      'Cannot send "TERM": there is no such signal',
    );
    process.kill();
    assertEquals(await process.status, {
      success: false,
      code: 143,
      signal: "SIGTERM",
      timedOut: false,
    });
  }),
);

Deno.test(
  "RemoteProcess.kill() reaches a command that reads nothing of a full stdin",
  withAgent(async (unix) => {
    await using process = await spawn(unix, ["sleep", "60"]);
    const writer = process.stdin.getWriter();
    let written = 0;
    const stopped = assertRejects(async () => {
      for (;; written++) await writer.write(new Uint8Array(64 * 1024));
    }, Deno.errors.BrokenPipe);
    await untilStalled(() => written, "stdin");
    process.kill("SIGHUP");
    assertEquals((await process.status).signal, "SIGHUP");
    await stopped;
  }),
);

Deno.test(
  "spawn() feeds a command that has already written something nobody reads yet",
  withAgent(async (unix) => {
    await using process = await spawn(unix, [
      ...["sh", "-c", "head -c 100000 /dev/zero; echo >&2; wc -c"],
    ]);
    const input = new Blob([new Uint8Array(16 * MIB)]).stream();
    await input.pipeTo(process.stdin);
    const output = await new Response(process.stdout).text();
    assertEquals(output.slice(100000).trim(), `${16 * MIB}`);
  }),
);

Deno.test(
  "spawn() runs a command on a terminal, which can be resized",
  withAgent(async (unix) => {
    await using process = await spawn(unix, [
      "sh",
      "-c",
      "trap 'stty size; exit 5' WINCH; tty; stty size; echo $TERM; while :; do sleep 0.01; done",
    ], { tty: { rows: 30, cols: 100, term: "vt100" } });
    assertEquals(process.features.includes("tty"), true);
    for (
      const size of [
        { rows: -1, cols: 1 },
        { rows: 1, cols: 65536 },
        { rows: 1.5, cols: 1 },
      ]
    ) {
      assertThrows(() => process.resize(size), RangeError);
    }
    let screen = "";
    for await (const data of process.stdout) {
      screen += text(data);
      if (screen.includes("vt100")) process.resize({ rows: 50, cols: 132 });
    }
    assertMatch(
      screen,
      /^\/dev\/pts\/\d+\r\n30 100\r\nvt100\r\n50 132\r\n$/,
    );
    assertEquals(await new Response(process.stderr).text(), "");
    assertEquals((await process.status).code, 5);
    // It has ended, which is no error.
    process.resize({ rows: 1, cols: 1 });
  }),
);

Deno.test(
  "spawn() ends the input of a terminal when stdin is closed or null",
  withAgent(async (unix) => {
    const tty = { rows: 24, cols: 80 };
    await using typed = await spawn(unix, ["cat"], { tty });
    await new Blob(["no newline"]).stream().pipeTo(typed.stdin);
    assertEquals(
      await new Response(typed.stdout).text(),
      "no newlineno newline",
    );
    await using silent = await spawn(unix, ["wc", "-c"], {
      tty,
      stdin: "null",
    });
    assertEquals((await new Response(silent.stdout).text()).trim(), "0");
  }),
);

Deno.test(
  "output() places the command as the options say",
  withAgent(async (unix) => {
    const { stdout } = await output(unix, [
      ...["sh", "-c", "pwd; /usr/bin/env"],
    ], { cwd: "/usr", clearEnv: true, env: { A: "1" } });
    const lines = text(stdout).trim().split("\n").sort();
    assertEquals(lines, ["/usr", "A=1", "PWD=/usr"]);
  }),
);

Deno.test({
  name: "output() runs the command as another user",
  ignore: Deno.uid() !== 0,
  fn: withAgent(async (unix) => {
    const { stdout } = await output(unix, [
      ...["sh", "-c", "id -un; id -gn; echo $USER $HOME"],
    ], { user: "nobody:tty" });
    assertEquals(text(stdout), "nobody\ntty\nnobody /nonexistent\n");
  }),
});

Deno.test(
  "output() tells that a command's time was up, and refuses times that are none",
  withAgent(async (unix) => {
    assertEquals(await output(unix, ["sleep", "60"], { timeout: 0.5 }), {
      success: false,
      code: 143,
      signal: "SIGTERM",
      timedOut: true,
      stdout: new Uint8Array(0),
      stderr: new Uint8Array(0),
    });
    for (const timeout of [0, -1, NaN, Infinity]) {
      await assertRejects(
        () => output(unix, ["true"], { timeout }),
        RangeError,
        "it must be a positive number",
      );
    }
  }),
);

Deno.test(
  "RemoteProcess.kill() ends the command's whole group, and its status, when it is SIGKILL",
  withAgent(async (unix) => {
    const process = await spawn(unix, [
      ...["sh", "-c", "trap '' TERM; sleep 60 & sleep 60"],
    ]);
    process.kill("SIGKILL");
    process.kill("SIGKILL");
    assertEquals(await process.status, {
      success: false,
      code: 137,
      signal: "SIGKILL",
      timedOut: false,
    });
    await assertGone(process.pid);
    assertEquals(await new Response(process.stdout).text(), "");
  }),
);

Deno.test(
  "RemoteProcess.kill() leaves the status alone when the command has ended",
  withAgent(async (unix) => {
    const process = await spawn(unix, ["true"]);
    assertEquals((await process.status).code, 0);
    process.kill("SIGKILL");
    assertEquals((await process.status).code, 0);
  }),
);

Deno.test(
  "RemoteProcess.kill() doesn't wait for output that nobody reads",
  withAgent(async (unix) => {
    const process = await spawn(unix, ["yes"]);
    await untilStalled(() => writtenBytes(process.pid), "the command");
    process.kill("SIGKILL");
    assertEquals((await process.status).code, 137);
    await assertGone(process.pid);
  }),
);

Deno.test(
  "RemoteProcess[Symbol.asyncDispose]() kills the command",
  withAgent(async (unix) => {
    let pid: number;
    {
      await using process = await spawn(unix, ["sleep", "60"]);
      pid = process.pid;
    }
    await assertGone(pid);
  }),
);

Deno.test(
  "spawn() kills the command when the signal is aborted",
  withAgent(async (unix) => {
    const controller = new AbortController();
    const process = await spawn(unix, ["sleep", "60"], {
      signal: controller.signal,
    });
    controller.abort();
    assertEquals((await process.status).signal, "SIGKILL");
    await assertGone(process.pid);
  }),
);

Deno.test(
  "spawn() rejects with the signal's reason when it is aborted before an answer",
  leakless(async () => {
    await using silent = new Peer((_, closing) => closing);
    const unix = { unix: silent.path };
    const reason = new Error("enough");
    for (
      const abort of [
        AbortSignal.abort(reason),
        abortAfter(50, reason),
      ]
    ) {
      const error = await assertRejects(
        () => spawn(unix, ["true"], { signal: abort }),
        Error,
      );
      assertEquals(error, reason);
    }
  }),
);

Deno.test(
  "output() collects what a command writes",
  withAgent(async (unix) => {
    const { code, success, signal, stdout, stderr } = await output(unix, [
      ...["sh", "-c", "echo out; echo err >&2; cat"],
    ]);
    assertEquals([code, success, signal], [0, true, null]);
    assertEquals([text(stdout), text(stderr)], ["out\n", "err\n"]);
  }),
);

Deno.test(
  "output() takes maxBytes of each stream, and rejects with a RangeError beyond",
  withAgent(async (unix, agent) => {
    const script = "head -c 1000 /dev/zero; head -c 1000 /dev/zero >&2";
    const whole = await output(unix, ["sh", "-c", script], { maxBytes: 1000 });
    assertEquals([whole.stdout.length, whole.stderr.length], [1000, 1000]);
    await assertRejects(
      () => output(unix, ["sh", "-c", script], { maxBytes: 999 }),
      RangeError,
    );
    // Nor does it wait for a command that never ends.
    await assertRejects(
      () => output(unix, ["yes"], { maxBytes: MIB }),
      RangeError,
    );
    await until(() => agent.children.length === 0, "the command's end", 1000);
  }),
);

Deno.test(
  "output() rejects with an AgentError that says why the command cannot be run",
  withAgent(async (unix) => {
    for (
      const [argv, code] of [
        [["no-such-program"], "not_found"],
        [["/etc"], "not_executable"],
        [["echo", "\0"], "protocol"],
        [[], "protocol"],
      ] as const
    ) {
      const error = await assertRejects(
        () => output(unix, argv),
        AgentError,
      );
      assertEquals(error.code, code);
      assertEquals(error.name, "AgentError");
    }
  }),
);

Deno.test(
  "output() rejects with a ConnectionError when there is no agent",
  leakless(async () => {
    const error = await assertRejects(
      () => output({ unix: "/nonexistent/agent.sock" }, ["true"]),
      ConnectionError,
    );
    assertEquals(error.name, "ConnectionError");
    assertStringIncludes(error.message, "/nonexistent/agent.sock");
    assertStringIncludes(error.message, "ENOENT");
    assert(error.cause instanceof Error);
  }),
);

Deno.test(
  "info() describes the agent and its machine",
  withAgent(async (unix) => {
    const { os, arch, uptimeMs, features } = (await info(unix))!;
    assertEquals([os, arch], [Deno.build.os, Deno.build.arch]);
    assertGreater(uptimeMs, 0);
    assert(features.includes("info"));
  }),
);

Deno.test(
  "waitForAgent() resolves when an agent is there, and rejects when none comes",
  withAgent(async (unix) => {
    await waitForAgent(unix, 1000);
    const start = performance.now();
    await assertRejects(
      () => waitForAgent({ unix: "/nonexistent/agent.sock" }, 300),
      ConnectionError,
    );
    const took = performance.now() - start;
    assert(250 < took && took < 9000, `It took ${took} ms`);
    const controller = new AbortController();
    const waiting = waitForAgent({ unix: "/nonexistent/agent.sock" }, 9000, {
      signal: controller.signal,
    });
    controller.abort(new Error("enough"));
    await assertRejects(() => waiting, Error, "enough");
  }),
);

Deno.test(
  "output() keeps 20 calls apart that are made at once",
  withAgent(async (unix) => {
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const { stdout } = await output(unix, ["echo", `${i}`]);
        assertEquals(text(stdout), `${i}\n`);
      }),
    );
  }),
);

function abortAfter(milliseconds: number, reason: unknown): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), milliseconds);
  return controller.signal;
}
