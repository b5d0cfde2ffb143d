import { assertEquals } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import { programArgs } from "./_program.ts";
import { Running } from "./_running.ts";
import { lacks } from "./_tools.ts";

/** Ways to start a program that leave it other signals than it expects. */
const STARTERS = {
  "SIGCHLD ignored": ["env", "--ignore-signal=CHLD"],
  "all signals blocked": ["env", "--block-signal"],
  "all signals ignored": ["env", "--ignore-signal"],
};

for (const [name, prefix] of Object.entries(STARTERS)) {
  Deno.test({
    name: `serve runs commands, and stops, with ${name} by its starter`,
    ignore: lacks("env"),
    fn: bounded(async () => {
      await using agent = await startAgent({ prefix });
      for (let i = 0; i < 10; i++) {
        const { end } = await agent.exec(["sh", "-c", "exit 3"]);
        assertEquals(end, { type: "exit", exit_code: 3 });
      }
      using wire = await agent.open({ type: "exec", argv: ["sleep", "60"] });
      await wire.expectStarted();
      wire.close();
      // The agent is told to end by SIGTERM, and must have kept no descriptor.
    }),
  });
}

Deno.test({
  name: "client exits as the command with signals blocked by its starter",
  ignore: lacks("env"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    const argv = programArgs("client", ["--unix", agent.path, "--"]);
    await using client = new Running([
      ...["env", "--block-signal", "--ignore-signal=CHLD"] as const,
      ...argv,
      ...["sh", "-c", "trap 'exit 7' TERM; echo ready; sleep 60 & wait"],
    ]);
    await client.stdout.expect("ready");
    client.kill("SIGTERM");
    assertEquals(await client.code, 7);
  }),
});

Deno.test(
  "client passes on each of several signals that follow soon",
  bounded(async () => {
    await using agent = await startAgent();
    const script = `n=0; trap 'n=$((n+1)); echo got $n' USR1
      echo ready; while :; do sleep 0.01; done`;
    await using client = new Running(
      programArgs("client", ["--unix", agent.path, "--", "sh", "-c", script]),
    );
    await client.stdout.expect("ready");
    for (let i = 1; i <= 10; i++) {
      client.kill("SIGUSR1");
      // As soon as the one before was seen: the kernel keeps one of each kind.
      await client.stdout.expect(`got ${i}`);
    }
    client.kill("SIGTERM");
    await client.code;
  }),
);
