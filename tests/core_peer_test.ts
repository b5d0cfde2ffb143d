import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  AgentError,
  info,
  output,
  spawn,
  UnsupportedError,
  waitForAgent,
} from "../client/mod.ts";
import { startAgent } from "./_agent.ts";
import { runClient } from "./_client.ts";
import { leakless } from "./_leakless.ts";
import { Peer } from "./_peer.ts";
import { dataFrame, decodeData, text, type Wire } from "./_wire.ts";

// Peers that know the core of the protocol alone, in the words of those that
// are written in Go.

/** Answers as an old agent does, which has one command of its own: `upper`. */
async function serveCore(wire: Wire, seen: string[]): Promise<void> {
  const first = await wire.read();
  if (first === undefined) return;
  seen.push(wire.lastLine);
  if (first.type !== "exec") {
    return await wire.send(
      `{"type":"error","message":"unexpected first message type \\"${first.type}\\""}\n`,
    );
  }
  const [program, argument] = first.argv as string[];
  switch (program) {
    case "upper": {
      await wire.send('{"type":"started","pid":1234}\n');
      for (;;) {
        const frame = await wire.read();
        if (frame === undefined) return;
        seen.push(frame.type);
        if (frame.type === "stdin_close") break;
        const data = text(decodeData(frame)).toUpperCase();
        await wire.send(dataFrame("stdout", data));
      }
      return await wire.send('{"type":"exit"}\n');
    }
    case "exit":
      return await wire.send(
        `{"type":"started","pid":1234}\n{"type":"stdout"}\n{"type":"exit","exit_code":${argument}}\n`,
      );
    case "locked":
      return await wire.send(
        '{"type":"error","message":"exec: start locked: fork/exec /bin/locked: permission denied"}\n',
      );
    default:
      return await wire.send(
        `{"type":"error","message":"exec: start ${program}: exec: \\"${program}\\": executable file not found in $PATH"}\n`,
      );
  }
}

function startCorePeer(seen: string[] = []): Peer {
  return new Peer((wire) => serveCore(wire, seen));
}

Deno.test(
  "spawn() speaks the core alone to an agent that knows no more",
  leakless(async () => {
    const seen: string[] = [];
    await using peer = startCorePeer(seen);
    await using process = await spawn({ unix: peer.path }, ["upper", "x"], {
      env: { A: "b" },
    });
    assertEquals(process.pid, 1234);
    const writer = process.stdin.getWriter();
    await writer.write(new TextEncoder().encode("hi"));
    await writer.close();
    assertEquals(await new Response(process.stdout).text(), "HI");
    assertEquals(await process.status, {
      success: true,
      code: 0,
      signal: null,
      timedOut: false,
    });
    assertEquals(seen, [
      // What it doesn't know it ignores.
      '{"type":"exec","argv":["upper","x"],"env":{"A":"b"},"features":["signals","flow","raw","usage"]}',
      "stdin",
      "stdin_close",
    ]);
  }),
);

Deno.test(
  "spawn() refuses what an old agent would leave out, without running anything elsewhere",
  leakless(async () => {
    for (
      const options of [
        { cwd: "/" },
        { user: "nobody" },
        { timeout: 1000 },
        { clearEnv: true },
      ]
    ) {
      const seen: string[] = [];
      await using peer = startCorePeer(seen);
      const error = await assertRejects(
        () => spawn({ unix: peer.path }, ["upper"], options),
        UnsupportedError,
        "install a newer one in the guest",
      );
      assertEquals(error.feature, "placement");
      assertEquals(seen, ['{"type":"info","probe":true}']);
    }
  }),
);

Deno.test(
  "spawn() rejects when an old agent has no terminal, without running anything off one",
  leakless(async () => {
    const seen: string[] = [];
    await using peer = startCorePeer(seen);
    const error = await assertRejects(
      () =>
        spawn({ unix: peer.path }, ["upper"], { tty: { rows: 24, cols: 80 } }),
      UnsupportedError,
      `Cannot run a command on a terminal: the agent at "${peer.path}" is too old`,
    );
    assertEquals(error.feature, "tty");
    assertEquals(seen, ['{"type":"info","probe":true}']);
  }),
);

Deno.test(
  "RemoteProcess.kill() throws when an old agent has no signals, but for SIGKILL",
  leakless(async () => {
    await using peer = startCorePeer();
    await using process = await spawn({ unix: peer.path }, ["upper"]);
    assertEquals(process.features, []);
    assertThrows(() => process.kill("SIGINT"), UnsupportedError);
    assertThrows(() => process.kill(), UnsupportedError);
    assertThrows(() => process.resize({ rows: 1, cols: 1 }), TypeError);
    process.kill("SIGKILL");
    assertEquals((await process.status).signal, "SIGKILL");
  }),
);

Deno.test(
  "output() takes exit codes as an old agent sends them",
  leakless(async () => {
    await using peer = startCorePeer();
    const target = { unix: peer.path };
    for (
      const [sent, code] of [[0, 0], [3, 3], [255, 255], [-1, 255]] as const
    ) {
      const status = await output(target, ["exit", `${sent}`]);
      assertEquals([status.code, status.success], [code, code === 0]);
      assertEquals(status.signal, null);
    }
  }),
);

Deno.test(
  "spawn() takes all that an old agent says before it closes with stdin unread",
  leakless(async () => {
    await using peer = new Peer(async (wire) => {
      await wire.read();
      await wire.send('{"type":"started","pid":1234}\n');
      // Some of it has come then, and none of it is read.
      await wire.readChunk();
      await wire.send(
        [
          ...Array.from("abcdef", (data) => dataFrame("stdout", data)),
          { type: "exit", exit_code: 3 },
        ].map((frame) => `${JSON.stringify(frame)}\n`).join(""),
      );
    });
    await using process = await spawn({ unix: peer.path }, ["head"]);
    const writer = process.stdin.getWriter();
    writer.write(new Uint8Array(4 << 20)).catch(() => {});
    writer.closed.catch(() => {});
    assertEquals((await process.status).code, 3);
    assertEquals(await new Response(process.stdout).text(), "abcdef");
  }),
);

Deno.test(
  "output() tells an old agent's failures apart by their messages",
  leakless(async () => {
    await using peer = startCorePeer();
    for (
      const [program, code] of [
        ["missing", "not_found"],
        ["locked", "not_executable"],
      ] as const
    ) {
      const error = await assertRejects(
        () => output({ unix: peer.path }, [program]),
        AgentError,
      );
      assertEquals(error.code, code);
    }
  }),
);

Deno.test(
  "info() resolves to undefined, and waitForAgent() is content, with an old agent",
  leakless(async () => {
    const seen: string[] = [];
    await using peer = startCorePeer(seen);
    assertEquals(await info({ unix: peer.path }), undefined);
    await waitForAgent({ unix: peer.path }, 1000);
    assertEquals(seen, [
      '{"type":"info"}',
      '{"type":"info","probe":true}',
    ]);
  }),
);

Deno.test(
  "client works with an old agent",
  leakless(async () => {
    await using peer = startCorePeer();
    const run = (...args: string[]) =>
      runClient(["--unix", peer.path, ...args]);
    const [upper, lost, missing, locked, who] = await Promise.all([
      runClient(["--unix", peer.path, "--wait", "5s", "--", "upper"], {
        stdin: "hi\n",
      }),
      run("--", "exit", "-1"),
      run("--", "missing"),
      run("--", "locked"),
      runClient(["--unix", peer.path, "--json"], { command: "info" }),
    ]);
    assertEquals([upper.code, upper.stdout, upper.stderr], [0, "HI\n", ""]);
    assertEquals([lost.code, lost.stdout], [255, ""]);
    assertEquals([missing.code, missing.stdout], [127, ""]);
    assertEquals([locked.code, locked.stdout], [126, ""]);
    assertEquals([who.code, who.stdout], [0, '{"features":[]}\n']);
  }),
);

Deno.test(
  "serve works with an old client",
  leakless(async () => {
    await using agent = await startAgent();
    // With no stdin to send, stdin_close comes right behind exec.
    using closed = await agent.open(
      '{"type":"exec","argv":["cat"]}\n{"type":"stdin_close"}\n',
    );
    const { frames } = await closed.readSession();
    assertEquals(frames.map(({ type }) => type), ["started", "exit"]);
    // It knows of a frame what Go's struct has: nothing else may be needed.
    using piped = await agent.open(
      '{"type":"exec","argv":["sh","-c","cat; exit 9"],"env":{"A":"b"}}\n',
    );
    await piped.send('{"type":"stdin","data":"aGkK"}\n');
    await piped.send('{"type":"stdin_close"}\n');
    const { stdout, endLine } = await piped.readSession();
    assertEquals(text(stdout), "hi\n");
    assertEquals(endLine, '{"type":"exit","exit_code":9}');
  }),
);
