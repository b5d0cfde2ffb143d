import { assertEquals } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import { processStat } from "./_proc.ts";
import { text } from "./_wire.ts";

/** 32 and 33, which some versions of posix_spawn(3) leave ignored for threads. */
const LIBC_SIGNALS = 0b11n << 31n;

Deno.test(
  "serve gives the child a process group of its own",
  bounded(async () => {
    await using agent = await startAgent();
    using wire = await agent.open({ type: "exec", argv: ["sleep", "60"] });
    const pid = await wire.expectStarted();
    const stat = processStat(pid);
    assertEquals(stat?.group, pid);
    assertEquals(stat?.parent, agent.pid);
  }),
);

Deno.test(
  "serve gives the child default signal dispositions and an empty mask",
  bounded(async () => {
    await using agent = await startAgent();
    const { stdout } = await agent.exec(["cat", "/proc/self/status"]);
    const masks = Array.from(
      text(stdout).matchAll(/^Sig(Blk|Ign|Cgt):\s+(\w+)$/gm),
      ([, name, mask]) => [name, BigInt(`0x${mask}`) & ~LIBC_SIGNALS],
    );
    assertEquals(masks, [["Blk", 0n], ["Ign", 0n], ["Cgt", 0n]]);
    // So that a pipeline ends when its reader does.
    const { stdout: line, stderr } = await agent.exec([
      ...["sh", "-c", "{ yes; echo $? >&2; } | head -n 1"],
    ]);
    assertEquals(text(line), "y\n");
    assertEquals(text(stderr), "141\n");
  }),
);

Deno.test(
  "serve gives the child no descriptor beyond its standard streams",
  bounded(async () => {
    // Whoever started the agent may have left it something open.
    await using agent = await startAgent({
      prefix: ["sh", "-c", 'exec 9<&0; exec "$@"', "sh"],
    });
    // Other sessions' descriptors must not be there either.
    using other = await agent.open({ type: "exec", argv: ["sleep", "60"] });
    await other.expectStarted();
    const { stdout } = await agent.exec(["sh", "-c", "ls -l /proc/$$/fd"]);
    const files = Array.from(
      text(stdout).matchAll(/ (\d+) -> ([^:\n]+)/g),
      ([, number, file]) => `${number} ${file}`,
    );
    assertEquals(files, ["0 pipe", "1 pipe", "2 pipe"]);
  }),
);

Deno.test(
  "serve runs the child in its own working directory",
  bounded(async () => {
    await using agent = await startAgent();
    const { stdout } = await agent.exec(["pwd", "-P"]);
    assertEquals(text(stdout), `${await Deno.realPath(agent.folder)}\n`);
  }),
);

Deno.test(
  "serve ends the child's stdin when another session's child still runs",
  bounded(async () => {
    await using agent = await startAgent();
    // A pipe that a sibling inherited would stay open behind stdin_close.
    using first = await agent.open({ type: "exec", argv: ["cat"] });
    await first.expectStarted();
    using second = await agent.open({ type: "exec", argv: ["sleep", "60"] });
    await second.expectStarted();
    await first.send({ type: "stdin_close" });
    assertEquals((await first.readSession()).end, { type: "exit" });
  }),
);
