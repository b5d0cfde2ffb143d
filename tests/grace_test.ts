import { assert, assertEquals, assertLess } from "@std/assert";
import { type Agent, exists, startAgent } from "./_agent.ts";
import { AT_ONCE, bounded, sleep } from "./_bounded.ts";
import { membersOf } from "./_proc.ts";
import { text, type WireSession } from "./_wire.ts";

// What takes seconds, because time itself is tested: all at once.

/** A session whose end was timed. */
interface TimedSession extends WireSession {
  /** The child, which leads a process group. */
  readonly group: number;
  /** How long it took from the start of the child, in seconds. */
  readonly seconds: number;
}

async function runTimed(agent: Agent, script: string): Promise<TimedSession> {
  using wire = await agent.open({ type: "exec", argv: ["sh", "-c", script] });
  const group = await wire.expectStarted();
  const start = performance.now();
  const session = await wire.readSession();
  const seconds = (performance.now() - start) / 1000;
  return { ...session, group, seconds };
}

function assertAboutTwo(seconds: number): void {
  assert(1.5 < seconds && seconds < 10, `It took ${seconds} s`);
}

const CASES: Readonly<Record<string, () => Promise<void>>> = {
  "serve sends exit two seconds after the child's when a grandchild holds the pipes":
    async () => {
      await using agent = await startAgent();
      const { group, seconds, stdout, end } = await runTimed(
        agent,
        "sleep 20 & echo out",
      );
      assertAboutTwo(seconds);
      assertEquals(text(stdout), "out\n");
      assertEquals(end, { type: "exit" });
      // It was left behind on purpose, so it lives on.
      assertEquals(membersOf(group).map(({ name }) => name), ["sleep"]);
      Deno.kill(-group, "SIGKILL");
    },

  "serve sends exit two seconds after the child's when a grandchild goes on writing":
    async () => {
      await using agent = await startAgent();
      const { group, seconds, stdout, end } = await runTimed(
        agent,
        "{ sleep 0.2; while echo y; do :; done; } & echo out",
      );
      assertAboutTwo(seconds);
      assert(text(stdout).startsWith("out\ny\ny\n"));
      assertEquals(end, { type: "exit" });
      // What it writes is thrown away from here on.
      assertEquals(membersOf(group).length > 0, true);
      Deno.kill(-group, "SIGKILL");
    },

  "serve sends exit at once when a grandchild holds no pipe": async () => {
    await using agent = await startAgent();
    const { group, seconds, stdout, end } = await runTimed(
      agent,
      "sleep 20 </dev/null >/dev/null 2>&1 & echo out",
    );
    assertLess(seconds * 1000, AT_ONCE);
    assertEquals(text(stdout), "out\n");
    assertEquals(end, { type: "exit" });
    assertEquals(membersOf(group).map(({ name }) => name), ["sleep"]);
    Deno.kill(-group, "SIGKILL");
  },

  "serve loses nothing when the client reads seconds after the child's exit":
    async () => {
      await using agent = await startAgent();
      using wire = await agent.open({
        type: "exec",
        argv: ["head", "-c", "921600", "/dev/zero"],
      });
      // Longer than others may hold the pipes when a child is gone.
      await sleep(3000);
      const { stdout, end } = await wire.readSession();
      assertEquals(stdout.length, 921_600);
      assertEquals(end, { type: "exit" });
    },

  "serve kills two seconds after its SIGTERM what ignores that": async () => {
    await using agent = await startAgent();
    using wire = await agent.open({
      type: "exec",
      argv: ["sh", "-c", "trap '' TERM; echo; sleep 60 & sleep 60"],
    });
    const group = await wire.expectStarted();
    await wire.expect("stdout");
    const start = performance.now();
    agent.kill("SIGTERM");
    await agent.waitForRecord(({ signal }) => signal === "SIGTERM");
    // Nobody is let in any more in the meantime.
    assertEquals(exists(agent.path), false);
    const { end } = await wire.readSession();
    assertEquals(end, { type: "exit", exit_code: 137, signal: "SIGKILL" });
    assertAboutTwo((performance.now() - start) / 1000);
    assertEquals((await agent.status).code, 0);
    assertEquals(membersOf(group), []);
  },

  "serve stops within seconds though a client doesn't read": async () => {
    await using agent = await startAgent();
    using wire = await agent.open({ type: "exec", argv: ["yes"] });
    const group = await wire.expectStarted();
    await wire.expect("stdout");
    const start = performance.now();
    agent.kill("SIGTERM");
    assertEquals((await agent.status).code, 0);
    assertLess(performance.now() - start, 8000);
    assertEquals(membersOf(group), []);
  },
};

Deno.test("serve gives the others as long as it says", async (t) => {
  await bounded(async () => {
    const passed = await Promise.all(
      Object.entries(CASES).map(([name, fn]) =>
        // The test as a whole is sanitized: its steps overlap.
        t.step({
          name,
          fn,
          sanitizeOps: false,
          sanitizeResources: false,
          sanitizeExit: false,
        })
      ),
    );
    assertEquals(passed.includes(false), false);
  })(t);
});
