import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Agent, startAgent } from "./_agent.ts";
import { AT_ONCE, bounded, until } from "./_bounded.ts";
import { DEAD_MOUNT, deadFolder, hasDeadMounts } from "./_dead_mount.ts";
import { childrenOf } from "./_proc.ts";
import type { WireFrame } from "./_wire.ts";

const supported = hasDeadMounts();

/** Requests that lead to a dead file system, by what does. */
function requests(agent: Agent): Record<string, WireFrame> {
  const { folder } = agent;
  const dead = deadFolder(agent);
  Deno.symlinkSync(dead, `${folder}/link`);
  const exec = { type: "exec" };
  return {
    "the folder": { ...exec, argv: ["true"], cwd: dead },
    "a folder below": { ...exec, argv: ["true"], cwd: `${dead}/a/b` },
    "a link to the folder": { ...exec, argv: ["true"], cwd: `${folder}/link` },
    "the program": { ...exec, argv: [`${dead}/true`] },
    "the program by a relative path": { ...exec, argv: ["link/true"] },
    "PATH": { ...exec, argv: ["true"], env: { PATH: `${dead}:/usr/bin` } },
  };
}

/** A request for a script that a dead file system holds the interpreter of. */
function scriptRequest(agent: Agent): WireFrame {
  const path = `${agent.folder}/script`;
  const text = `#!${deadFolder(agent)}/sh\n`;
  Deno.writeTextFileSync(path, text, { mode: 0o755 });
  return { type: "exec", argv: [path] };
}

/** Checks that an agent answers others, and runs their commands. */
async function assertServes(agent: Agent): Promise<void> {
  using info = await agent.open({ type: "info" });
  assertEquals((await info.read(AT_ONCE))?.["type"], "info");
  using other = await agent.open({ type: "exec", argv: ["true"] });
  assertEquals((await other.read(AT_ONCE))?.["type"], "started");
  assertEquals((await other.read(AT_ONCE))?.["type"], "exit");
}

Deno.test({
  name:
    "serve gives up on file systems that don't answer, and serves others meanwhile",
  ignore: !supported,
  fn: bounded(async (t) => {
    await using agent = await startAgent({ prefix: DEAD_MOUNT });
    await agent.exec(["true"]);
    const cases = Object.entries(requests(agent));
    const waiting = await Promise.all(cases.map(async ([name, request]) => {
      const wire = await agent.open(request);
      return { name, wire, answer: wire.read() };
    }));
    await assertServes(agent);
    for (const { name, wire, answer } of waiting) {
      await t.step(name, async () => {
        using _ = wire;
        const frame = await answer;
        assertEquals([frame?.["type"], frame?.["code"]], ["error", "timeout"]);
        assertStringIncludes(String(frame?.["message"]), "(ETIMEDOUT)");
      });
    }
    await assertServes(agent);
  }),
});

Deno.test({
  name: "serve kills a command whose interpreter's file system doesn't answer",
  ignore: !supported,
  fn: bounded(async () => {
    await using agent = await startAgent({ prefix: DEAD_MOUNT });
    const request = scriptRequest(agent);
    using wire = await agent.open(request);
    await until(
      () => childrenOf(agent.pid).length === 1,
      "the command to be started",
    );
    using lost = await agent.open(request);
    await until(
      () => childrenOf(agent.pid).length === 2,
      "another command to be started",
    );
    await assertServes(agent);
    lost[Symbol.dispose]();
    const answer = await wire.read();
    assertEquals([answer?.["type"], answer?.["code"]], ["error", "timeout"]);
    await until(
      () => childrenOf(agent.pid).length === 0,
      "the end of what was being started",
    );
    await assertServes(agent);
  }),
});

Deno.test({
  name:
    "serve bounds how many wait for file systems that don't answer, and says busy to more",
  ignore: !supported,
  fn: bounded(async () => {
    await using agent = await startAgent({ prefix: DEAD_MOUNT });
    await agent.exec(["true"]);
    const request = { type: "exec", argv: ["true"], cwd: deadFolder(agent) };
    const wires = await Promise.all(
      Array.from({ length: 40 }, () => agent.open(request)),
    );
    await assertServes(agent);
    const frames = await Promise.all(wires.map((wire) => wire.read()));
    for (const wire of wires) wire[Symbol.dispose]();
    const codes = frames.map((frame) => frame?.["code"]);
    assertEquals(new Set(codes), new Set(["timeout", "busy"]));
    await assertServes(agent);
  }),
});

Deno.test({
  name: "serve stops while commands wait for a file system that doesn't answer",
  ignore: !supported,
  fn: bounded(async () => {
    await using agent = await startAgent({ prefix: DEAD_MOUNT });
    const cases = Object.values(requests(agent));
    const wires = await Promise.all(cases.map((frame) => agent.open(frame)));
    await assertServes(agent);
    agent.kill("SIGTERM");
    const { code } = await agent.status;
    assertEquals(code, 0);
    for (const wire of wires) wire[Symbol.dispose]();
  }),
});

Deno.test({
  name:
    "serve lets go of a client that leaves while its command waits for a file system",
  ignore: !supported,
  fn: bounded(async () => {
    await using agent = await startAgent({ prefix: DEAD_MOUNT });
    const wires = await Promise.all(
      Object.values(requests(agent))
        .map((frame) => agent.open(frame)),
    );
    await assertServes(agent);
    for (const wire of wires) wire[Symbol.dispose]();
    await until(
      () => agent.audit.filter(({ lost }) => lost).length === wires.length,
      "the ends of the sessions",
    );
  }),
});

Deno.test({
  name: "serve denies commands without asking a file system",
  ignore: !supported,
  fn: bounded(async () => {
    await using agent = await startAgent({
      prefix: DEAD_MOUNT,
      args: ["--allow-run=echo"],
    });
    const cases = requests(agent);
    for (const [name, request] of Object.entries(cases)) {
      using wire = await agent.open(request);
      const answer = await wire.read(AT_ONCE);
      assertEquals(answer?.["code"], "denied", name);
    }
  }),
});
