import { assert, assertEquals, assertLess } from "@std/assert";
import { type Agent, startAgent } from "./_agent.ts";
import { bounded, untilStalled } from "./_bounded.ts";
import { residentBytes, writtenBytes } from "./_proc.ts";
import { dataFrame, randomBytes, sha256, text, type Wire } from "./_wire.ts";

const MIB = 1024 * 1024;
/** How the existing client cuts stdin. */
const STDIN_CHUNK = 32 * 1024;
/** How much a session may cost, with the runtime's own ups and downs, in bytes. */
const MEMORY_BOUND = 64 * MIB;

/** Checks that others are answered while a session is held up. */
async function assertPrompt(agent: Agent): Promise<void> {
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    assertEquals(text((await agent.exec(["echo", `${i}`])).stdout), `${i}\n`);
    assertLess(performance.now() - start, 5000);
  }
}

/** Lets the agent come to the memory that it needs anyway. */
async function warmUp(agent: Agent): Promise<number> {
  await Promise.all(
    Array.from(
      { length: 4 },
      () => agent.exec(["head", "-c", `${8 * MIB}`, "/dev/zero"]),
    ),
  );
  return residentBytes(agent.pid);
}

Deno.test(
  "serve sends 16 MiB of output unchanged before the exit",
  bounded(async () => {
    await using agent = await startAgent();
    const bytes = randomBytes(16 * MIB);
    await Deno.writeFile(`${agent.folder}/bytes`, bytes);
    const out = await agent.exec(["cat", "bytes"]);
    assertEquals(out.stdout.length, bytes.length);
    assertEquals(await sha256(out.stdout), await sha256(bytes));
    const err = await agent.exec(["sh", "-c", "cat bytes >&2"]);
    assertEquals(await sha256(err.stderr), await sha256(bytes));
    assertEquals(err.stdout.length, 0);
  }),
);

Deno.test(
  "serve passes 20 MiB through cat unchanged when stdin comes in 32 KiB frames",
  bounded(async () => {
    await using agent = await startAgent();
    const bytes = randomBytes(20 * MIB);
    using wire = await agent.open({ type: "exec", argv: ["cat"] });
    async function pump(): Promise<void> {
      for (let at = 0; at < bytes.length; at += STDIN_CHUNK) {
        const chunk = bytes.subarray(at, at + STDIN_CHUNK);
        await wire.send(dataFrame("stdin", chunk));
      }
      await wire.send({ type: "stdin_close" });
    }
    const [{ stdout, end }] = await Promise.all([wire.readSession(), pump()]);
    assertEquals(stdout.length, bytes.length);
    assertEquals(await sha256(stdout), await sha256(bytes));
    assertEquals(end, { type: "exit" });
  }),
);

Deno.test(
  "serve keeps 50 sessions apart that run at once",
  bounded(async () => {
    await using agent = await startAgent();
    const wires = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const wire = await agent.open({ type: "exec", argv: ["cat"] });
        return { wire, pid: await wire.expectStarted() };
      }),
    );
    assertEquals(new Set(wires.map(({ pid }) => pid)).size, 50);
    // All of them run; now each gets its own input, the last one first.
    await Promise.all(
      wires.reverse().map(async ({ wire, pid }) => {
        using _ = wire;
        await wire.send(dataFrame("stdin", `for ${pid}\n`));
        await wire.send({ type: "stdin_close" });
        const { stdout, end } = await wire.readSession();
        assertEquals(text(stdout), `for ${pid}\n`);
        assertEquals(end, { type: "exit" });
      }),
    );
  }),
);

Deno.test(
  "serve holds a child up, and nobody else, when the client doesn't read",
  bounded(async () => {
    await using agent = await startAgent();
    const before = await warmUp(agent);
    using wire = await agent.open({ type: "exec", argv: ["yes"] });
    const pid = await wire.expectStarted();
    const written = await untilStalled(
      () => writtenBytes(pid),
      "the child's output",
    );
    assertLess(written, 4 * MIB);
    await assertPrompt(agent);
    assertLess(residentBytes(agent.pid) - before, MEMORY_BOUND);
    // What was held up goes on.
    let received = 0;
    while (received < 8 * MIB) {
      const { data } = await wire.expect("stdout");
      received += (data as string).length;
    }
  }),
);

Deno.test(
  "serve holds the client up, and nobody else, when the child doesn't read",
  bounded(async () => {
    await using agent = await startAgent();
    const before = await warmUp(agent);
    using wire = await agent.open({
      type: "exec",
      argv: ["sh", "-c", "read line; exec wc -c"],
    });
    const pid = await wire.expectStarted();
    await wire.send(dataFrame("stdin", "go on\n"));
    Deno.kill(pid, "SIGSTOP");
    const pump = new Pump(wire, 32 * MIB);
    const sent = await untilStalled(() => pump.sent, "the client's stdin");
    assertLess(sent, 8 * MIB);
    await assertPrompt(agent);
    assertLess(residentBytes(agent.pid) - before, MEMORY_BOUND);
    // What was held up goes on, and nothing is lost.
    Deno.kill(pid, "SIGCONT");
    const { stdout, end } = await wire.readSession();
    await pump.done;
    assertEquals(text(stdout).trim(), `${32 * MIB}`);
    assertEquals(end, { type: "exit" });
  }),
);

/** Sends stdin, and counts what the agent's end has taken. */
class Pump {
  /** How many bytes of stdin were sent. */
  sent = 0;
  /** Resolves when all was sent. */
  readonly done: Promise<void>;

  constructor(wire: Wire, length: number) {
    this.done = this.#run(wire, length);
    this.done.catch(() => {});
  }

  async #run(wire: Wire, length: number): Promise<void> {
    const frame = dataFrame("stdin", new Uint8Array(STDIN_CHUNK));
    assert(length % STDIN_CHUNK === 0);
    for (; this.sent < length; this.sent += STDIN_CHUNK) await wire.send(frame);
    await wire.send({ type: "stdin_close" });
  }
}
