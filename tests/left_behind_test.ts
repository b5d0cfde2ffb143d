import { assert, assertEquals } from "@std/assert";
import { exists, startAgent } from "./_agent.ts";
import { bounded, sleep, until } from "./_bounded.ts";
import { writtenBytes } from "./_proc.ts";
import { text } from "./_wire.ts";

Deno.test(
  "serve lets what a command left behind write on after its session",
  bounded(async () => {
    await using agent = await startAgent();
    const script = `(while [ ! -e stop ]; do echo x; echo y >&2; sleep 0.05
      done; touch done) & echo started`;
    const { stdout, end } = await agent.exec(["sh", "-c", script]);
    assertEquals(end, { type: "exit" });
    assertEquals(text(stdout).includes("started\n"), true);
    // Some more lines, each of which would have ended it.
    await sleep(500);
    Deno.writeTextFileSync(`${agent.folder}/stop`, "");
    await until(() => exists(`${agent.folder}/done`), "the daemon to go on");
  }),
);

Deno.test(
  "serve holds up what was left behind and writes without end",
  bounded(async () => {
    await using agent = await startAgent();
    const script = "yes & echo $! > pid; trap '' TERM; exit 0";
    const { end } = await agent.exec(["sh", "-c", script]);
    assertEquals(end, { type: "exit" });
    const pid = Number(Deno.readTextFileSync(`${agent.folder}/pid`));
    try {
      // Without a bound it would be gigabytes.
      const before = writtenBytes(pid);
      await sleep(1500);
      const written = writtenBytes(pid) - before;
      assert(written < 16 * 1024 * 1024, `${written} bytes were written`);
      assertEquals((await agent.exec(["true"])).end, { type: "exit" });
    } finally {
      Deno.kill(pid, "SIGKILL");
    }
  }),
);
