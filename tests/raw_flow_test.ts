import {
  assertEquals,
  assertGreater,
  assertLess,
  assertStringIncludes,
} from "@std/assert";
import { Buffer } from "node:buffer";
import { startAgent } from "./_agent.ts";
import { bounded, until, untilStalled } from "./_bounded.ts";
import { processStat, residentBytes } from "./_proc.ts";
import { assertBroken, CLOSE, openRaw } from "./_raw.ts";
import {
  dataFrame,
  decodeData,
  randomBytes,
  rawFrame,
  sha256,
  text,
  type Wire,
} from "./_wire.ts";

const MIB = 1024 * 1024;
/** How much a session may cost, with the runtime's own ups and downs, in bytes. */
const MEMORY_BOUND = 64 * MIB;

Deno.test(
  "serve counts raw stdin against the window, and gives credit back for it",
  bounded(async () => {
    await using agent = await startAgent();
    const { wire, started } = await openRaw(agent, ["sha256sum"], {
      features: ["flow"],
    });
    using _ = wire;
    const window = started["window"] as number;
    assertGreater(window, 0);
    const bytes = randomBytes(20 * window + 1);
    let credit = window;
    let sent = 0;
    let output = "";
    while (sent < bytes.length) {
      // All that is allowed in one frame, or else in many.
      const most = sent === 0 ? window : 30_011;
      while (credit > 0 && sent < bytes.length) {
        const size = Math.min(credit, most, bytes.length - sent);
        await wire.send(rawFrame("stdin", bytes.subarray(sent, sent + size)));
        sent += size;
        credit -= size;
      }
      if (sent === bytes.length) break;
      credit += (await wire.expect("window"))["bytes"] as number;
      // More than was sent would mean that something was counted twice.
      assertLess(credit, window + 1);
    }
    await wire.send(CLOSE);
    for (;;) {
      const frame = await wire.read();
      if (frame?.type === "exit") break;
      if (frame?.type === "stdout") output += text(decodeData(frame));
      else assertEquals(frame?.type, "window");
    }
    assertEquals(output, `${await sha256(bytes)}  -\n`);
  }),
);

Deno.test(
  "serve kills the child when a client sends more than the window in raw frames",
  bounded(async (t) => {
    await using agent = await startAgent();
    const open = async () => {
      const session = await openRaw(agent, ["sleep", "60"], {
        features: ["flow", "signals"],
      });
      // So that nothing gives credit back but what the pipe holds.
      const window = session.started["window"] as number;
      return { ...session, window };
    };
    await t.step("in one frame", async () => {
      const { wire, pid, window } = await open();
      using _ = wire;
      await wire.trySend([rawFrame("stdin", new Uint8Array(4 * window))]);
      assertStringIncludes(await assertBroken(wire, pid), "window");
    });
    await t.step("in many", async () => {
      const { wire, pid, window } = await open();
      using _ = wire;
      const frame = rawFrame("stdin", new Uint8Array(window / 8));
      await wire.trySend(Array(32).fill(frame));
      assertStringIncludes(await assertBroken(wire, pid), "window");
    });
    await t.step("in raw ones and others", async () => {
      const { wire, pid, window } = await open();
      using _ = wire;
      const data = new Uint8Array(window / 8);
      const frames = [rawFrame("stdin", data), dataFrame("stdin", data)];
      await wire.trySend(Array(16).fill(frames).flat());
      assertStringIncludes(await assertBroken(wire, pid), "window");
    });
    await t.step("and not when it spends all of it", async () => {
      const { wire, window } = await open();
      using _ = wire;
      await wire.send(rawFrame("stdin", new Uint8Array(window)));
      await wire.send({ type: "signal", signal: "SIGUSR1" });
      const { end } = await wire.readSession();
      assertEquals(end["signal"], "SIGUSR1");
    });
  }),
);

Deno.test(
  "serve sees a signal at once behind thousands of tiny raw frames, and keeps little of them",
  bounded(async () => {
    await using agent = await startAgent();
    const count = 100_000;
    const many = Buffer.concat(Array(1000).fill(rawFrame("stdin", "x")));
    const wires: Wire[] = [];
    using _ = { [Symbol.dispose]: () => wires.forEach((wire) => wire.close()) };
    const fill = async () => {
      const { wire, pid } = await openRaw(agent, ["sleep", "60"], {
        features: ["flow", "signals"],
      });
      wires.push(wire);
      for (let sent = 0; sent < count; sent += 1000) await wire.send(many);
      // By the time that this is done, all of them were taken.
      await wire.send({ type: "signal", signal: "SIGSTOP" });
      await until(() => processStat(pid)?.state === "T", "the child to stop");
    };
    // The first ones leave garbage behind, as any would.
    await fill();
    await fill();
    const before = residentBytes(agent.pid);
    const times = 8;
    for (let i = 0; i < times; i++) await fill();
    // Kept as they came they take more than 400 bytes each.
    assertLess(residentBytes(agent.pid) - before, times * count * 200);
  }),
);

Deno.test(
  "serve holds the client up when the child doesn't read a raw frame",
  bounded(async () => {
    await using agent = await startAgent();
    const { wire, pid } = await openRaw(agent, ["wc", "-c"]);
    using _ = wire;
    Deno.kill(pid, "SIGSTOP");
    await until(() => processStat(pid)?.state === "T", "the child to stop");
    const before = residentBytes(agent.pid);
    let sent = 0;
    const sending = (async () => {
      for (; sent < 32 * MIB; sent += MIB) {
        await wire.send(rawFrame("stdin", new Uint8Array(MIB)));
      }
      await wire.send(CLOSE);
    })();
    sending.catch(() => {});
    assertLess(await untilStalled(() => sent, "the client's stdin"), 8 * MIB);
    assertLess(residentBytes(agent.pid) - before, MEMORY_BOUND);
    assertEquals(text((await agent.exec(["echo", "on"])).stdout), "on\n");
    Deno.kill(pid, "SIGCONT");
    const { stdout, end } = await wire.readSession();
    await sending;
    assertEquals(text(stdout), `${32 * MIB}\n`);
    assertEquals(end, { type: "exit" });
  }),
);
