import {
  assert,
  assertEquals,
  assertGreater,
  assertLessOrEqual,
} from "@std/assert";
import { type Agent, startAgent } from "./_agent.ts";
import { AT_ONCE, bounded, until, untilStalled, within } from "./_bounded.ts";
import { runClient } from "./_client.ts";
import { Peer } from "./_peer.ts";
import { membersOf, processStat } from "./_proc.ts";
import {
  dataFrame,
  decodeData,
  randomBytes,
  sha256,
  text,
  type Wire,
  type WireFrame,
} from "./_wire.ts";

/** How many bytes go into one frame. */
const CHUNK = 64 * 1024;
/** How much a client is to move. */
const MUCH = 64 * 1024 * 1024;

/** A client's end of a session with flow control. */
class FlowSession implements Disposable {
  /** The connection. */
  readonly wire: Wire;
  /** The child. */
  readonly pid: number;
  /** The window at first. */
  readonly window: number;
  /** How much may be sent. */
  credit: number;
  /** How much was sent. */
  sent = 0;
  /** All output so far. */
  output = "";
  /** Resolves to the terminal frame. */
  readonly end: Promise<WireFrame>;

  private constructor(wire: Wire, { pid, window }: WireFrame) {
    this.wire = wire;
    this.pid = pid as number;
    this.window = count(window);
    this.credit = this.window;
    this.end = this.#read();
    this.end.catch(() => {});
  }

  /** Opens a session. */
  static async open(
    agent: Agent,
    argv: readonly string[],
    fields: Readonly<Record<string, unknown>> = {},
  ): Promise<FlowSession> {
    const features = ["flow", "signals"];
    const wire = await agent.open({ type: "exec", argv, features, ...fields });
    return new FlowSession(wire, await wire.expect("started"));
  }

  /** Sends as many bytes of the {@linkcode input}, whether it may or not. */
  async send(bytes: number): Promise<void> {
    this.credit -= bytes;
    for (const end = this.sent + bytes; this.sent < end;) {
      const data = input(this.sent, Math.min(end, this.sent + CHUNK));
      this.sent += data.length;
      await this.wire.trySend([dataFrame("stdin", data)]);
    }
  }

  /** Sends until bytes wait in the agent, as the child reads nothing. */
  async fillPipe(): Promise<void> {
    while (this.credit === this.window) {
      // Such a part of it comes back in one piece.
      await this.send(this.window / 2);
      await untilStalled(() => this.credit, "the credit");
    }
  }

  /** Sends until nothing more is allowed, as the child reads nothing more. */
  async exhaust(): Promise<void> {
    while (this.credit > 0) {
      await this.send(this.credit);
      await untilStalled(() => this.credit, "the credit");
    }
  }

  [Symbol.dispose](): void {
    this.wire.close();
  }

  async #read(): Promise<WireFrame> {
    for (;;) {
      const frame = await this.wire.read();
      switch (frame?.type) {
        case "window":
          this.credit += count(frame["bytes"]);
          assertLessOrEqual(this.credit, this.window, "More than at first");
          break;
        case "stdout":
          this.output += text(decodeData(frame));
          break;
        case "exit":
        case "error":
          return frame;
        default:
          throw new Error(`Unexpected: ${this.wire.lastLine.slice(0, 200)}`);
      }
    }
  }
}

Deno.test(
  "serve gives credit back for the input that the child has taken",
  bounded(async () => {
    await using agent = await startAgent();
    using session = await FlowSession.open(agent, ["wc", "-c"]);
    const total = 20 * session.window + 1;
    while (session.sent < total) {
      await until(() => session.credit > 0, "credit");
      await session.send(Math.min(session.credit, total - session.sent));
    }
    await session.wire.send({ type: "stdin_close" });
    assertEquals(await session.end, { type: "exit" });
    assertEquals(session.output.trim(), String(total));
  }),
);

Deno.test(
  "serve gives credit back for input that the child will never take",
  bounded(async () => {
    await using agent = await startAgent();
    using session = await FlowSession.open(agent, [
      ...["sh", "-c", "exec <&-; exec sleep 60"],
    ]);
    // A client that waits for credit must not wait forever.
    const total = 20 * session.window;
    while (session.sent < total) {
      await until(() => session.credit > 0, "credit");
      await session.send(Math.min(session.credit, total - session.sent));
    }
    await session.wire.send({ type: "signal", signal: "SIGTERM" });
    assertEquals((await session.end)["signal"], "SIGTERM");
  }),
);

Deno.test(
  "serve kills the child when a client sends more than it may",
  bounded(async (t) => {
    await using agent = await startAgent();
    await t.step("at first", async () => {
      using session = await FlowSession.open(agent, ["sleep", "60"]);
      // Also more than the child's pipe takes while the frame comes in.
      const data = new Uint8Array(4 * session.window);
      session.credit -= data.length;
      await session.wire.trySend([dataFrame("stdin", data)]);
      await assertBroken(session);
    });
    await t.step("when all credit is spent", async () => {
      using session = await FlowSession.open(agent, ["sleep", "60"]);
      await session.exhaust();
      // A whole window of it, so that it shows however credit is counted.
      await session.send(session.window);
      await assertBroken(session);
    });
  }),
);

Deno.test(
  "serve sees what goes with stdin at once when all credit is spent",
  bounded(async (t) => {
    await using agent = await startAgent();
    await t.step("a signal", async () => {
      using session = await FlowSession.open(agent, ["sleep", "60"]);
      await session.exhaust();
      await session.wire.send({ type: "signal", signal: "SIGUSR1" });
      const { end, pid } = session;
      assertEquals(await end, {
        ...{ type: "exit", exit_code: 138, signal: "SIGUSR1" },
      });
      assertEquals(membersOf(pid), []);
    });

    await t.step("another size of the terminal", async () => {
      const script =
        "stty raw -echo; trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done";
      using session = await FlowSession.open(agent, ["sh", "-c", script], {
        tty: { rows: 24, cols: 80 },
      });
      await until(() => session.output.includes("ready"), "the script");
      await session.exhaust();
      await session.wire.send({ type: "resize", rows: 40, cols: 120 });
      await until(
        () => session.output.includes("40 120"),
        () => `the size in ${JSON.stringify(session.output)}`,
      );
      await session.wire.send({ type: "signal", signal: "SIGKILL" });
      assertEquals((await session.end)["signal"], "SIGKILL");
    });

    await t.step("the client's loss", async () => {
      using session = await FlowSession.open(agent, ["sleep", "60"]);
      await session.exhaust();
      session.wire.close();
      await until(
        () => membersOf(session.pid).length === 0,
        "the child's end",
        AT_ONCE,
      );
    });
  }),
);

Deno.test(
  "serve sees a signal at once when thousands of tiny frames wait for the child",
  bounded(async () => {
    await using agent = await startAgent();
    using session = await FlowSession.open(agent, ["sleep", "60"]);
    await session.fillPipe();
    await sendTiny(session);
    await session.wire.send({ type: "signal", signal: "SIGUSR1" });
    const { end, pid } = session;
    assertEquals(await within(end, "the child's end", AT_ONCE), {
      ...{ type: "exit", exit_code: 138, signal: "SIGUSR1" },
    });
    assertEquals(membersOf(pid), []);
  }),
);

Deno.test(
  "serve feeds a child all that has waited for it, in order",
  bounded(async () => {
    await using agent = await startAgent();
    using session = await FlowSession.open(agent, ["sha256sum"]);
    const { wire, pid } = session;
    await wire.send({ type: "signal", signal: "SIGSTOP" });
    await until(() => processStat(pid)?.state === "T", "the child to stop");
    await session.fillPipe();
    await sendTiny(session);
    await wire.send({ type: "stdin_close" });
    await wire.send({ type: "signal", signal: "SIGCONT" });
    assertEquals(await session.end, { type: "exit" });
    const expected = await sha256(input(0, session.sent));
    assertEquals(session.output, `${expected}  -\n`);
  }),
);

Deno.test(
  "client moves 64 MiB there and back, unchanged",
  bounded(async (t) => {
    const bytes = randomBytes(MUCH);
    const expected = await sha256(bytes);
    const checkEcho = async (path: string) => {
      const { code, bytes: echoed, stderr } = await runClient(
        ["--unix", path, "--", "cat"],
        { stdin: new Blob([bytes as Uint8Array<ArrayBuffer>]).stream() },
      );
      assertEquals([code, stderr], [0, ""]);
      assertEquals(await sha256(echoed), expected);
    };
    await t.step("with flow control", async () => {
      await using agent = await startAgent();
      await checkEcho(agent.path);
    });
    await t.step("with an agent that knows the core alone", async () => {
      await using peer = new Peer(async (wire) => {
        await wire.expect("exec");
        await wire.send({ type: "started", pid: 42 });
        await echo(wire);
      });
      await checkEcho(peer.path);
    });
    await t.step("with an agent whose window is small", async () => {
      const window = 10_000;
      await using peer = new Peer(async (wire) => {
        await wire.expect("exec");
        const features = ["flow"];
        await wire.send({ type: "started", pid: 42, features, window });
        await echo(wire, window);
      });
      const small = bytes.subarray(0, 1024 * 1024);
      const { code, bytes: echoed } = await runClient(
        ["--unix", peer.path, "--", "cat"],
        { stdin: new Blob([small as Uint8Array<ArrayBuffer>]).stream() },
      );
      assertEquals(code, 0);
      assertEquals(await sha256(echoed), await sha256(small));
    });
  }, 60_000),
);

/** Sends thousands of frames of one byte, as many as credit is left for. */
async function sendTiny(session: FlowSession): Promise<void> {
  const frames = 5000;
  assertGreater(session.credit, frames);
  for (let i = 0; i < frames; i++) await session.send(1);
}

/** Returns a part of an input whose bytes differ from those around. */
function input(start: number, end: number): Uint8Array {
  return Uint8Array.from({ length: end - start }, (_, i) => (start + i) % 251);
}

function count(value: unknown): number {
  assert(Number.isInteger(value) && value as number > 0, `Not any: ${value}`);
  return value as number;
}

/** Checks that the session ends as it does when the protocol is broken. */
async function assertBroken(session: FlowSession): Promise<void> {
  const { type, code, message } = await session.end;
  assertEquals([type, code], ["error", "protocol"], message as string);
  await until(() => membersOf(session.pid).length === 0, "the child's end");
}

/** Is `cat` to a client, and checks that it sends no more than it may. */
async function echo(wire: Wire, window = Infinity): Promise<void> {
  let credit = window;
  for (;;) {
    const frame = await wire.read();
    if (frame?.type === "stdin_close") break;
    assertEquals(frame?.type, "stdin");
    const data = decodeData(frame!);
    credit -= data.length;
    assert(credit >= 0, "The client has sent more than it may");
    await wire.send(dataFrame("stdout", data));
    // Only now and then, so that the client has to wait.
    if (credit < window / 4) {
      await wire.send({ type: "window", bytes: window - credit });
      credit = window;
    }
  }
  await wire.send({ type: "exit" });
}
