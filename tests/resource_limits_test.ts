import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { info, output, spawn, UnsupportedError } from "../client/mod.ts";
import { launchAgent, startAgent } from "./_agent.ts";
import { bounded, until } from "./_bounded.ts";
import { runClient } from "./_client.ts";

// Agents on unix sockets take no control groups of the machine that they run on:
// what these do is tested in guests.

Deno.test(
  "serve runs no command without the limits that it asks for",
  bounded(async () => {
    await using agent = await startAgent();
    for (const limits of [{ memory_bytes: 1 }, { pids: 1 }, { cpus: 0.5 }]) {
      using wire = await agent.open({
        type: "exec",
        argv: ["true"],
        ...limits,
      });
      const { frames, end } = await wire.readSession();
      assertEquals(frames.length, 1);
      assertEquals(end["code"], "not_executable");
      assertMatch(
        `${end["message"]}`,
        /^Cannot run "true": a command's \w+ cannot be limited here: .*Delegate=yes/,
      );
    }
    using wire = await agent.open({
      type: "exec",
      argv: ["true"],
      features: ["usage"],
      pids: 0,
    });
    const { frames } = await wire.readSession();
    assertEquals(frames.map(({ type }) => type), ["started", "exit"]);
    assertEquals([frames[0]!["features"], frames[1]!["usage"]], [
      undefined,
      undefined,
    ]);
  }),
);

Deno.test(
  "serve doesn't start where it cannot keep its limits",
  bounded(async () => {
    await using agent = launchAgent({ args: ["--memory", "64M"] });
    agent.mayEnd();
    assertEquals((await agent.status).code, 1);
    assertMatch(
      agent.stderr,
      /Cannot serve: a command's memory cannot be limited here/,
    );
  }),
);

Deno.test(
  "spawn() asks for limits only where there are some",
  bounded(async () => {
    await using agent = await startAgent();
    const target = { unix: agent.path };
    const { containment, controllers, features } = (await info(target))!;
    assertEquals([containment, controllers], ["process_group", []]);
    assertEquals(features.includes("limits"), false);
    const error = await assertRejects(
      () => spawn(target, ["true"], { limits: { pids: 5 } }),
      UnsupportedError,
      "Delegate=yes",
    );
    assertEquals(error.feature, "limits");
    const { usage } = await output(target, ["true"], { limits: {} });
    assertEquals(usage, undefined);
    const client = await runClient(
      ["--unix", agent.path, "--cpu", "0.5", "--", "true"],
    );
    assertEquals([client.code, client.stdout], [125, ""]);
    assertMatch(client.stderr, /^cocoon-agent: Cannot limit what a command/);
    await until(() => agent.audit.length >= 2, "the records");
    // It has run nothing but the one without limits.
    assertEquals(
      agent.audit.filter(({ kind }) => kind === "exec").length,
      1,
    );
  }),
);

Deno.test("spawn() throws on limits that are none", async () => {
  for (
    const limits of [
      ...[{ memory: 0 }, { memory: 1.5 }, { pids: -1 }, { pids: NaN }],
      ...[{ cpu: 0 }, { cpu: Infinity }],
    ]
  ) {
    await assertRejects(
      () => spawn({ unix: "/nonexistent" }, ["true"], { limits }),
      RangeError,
      "Cannot limit a command",
    );
  }
});
