import { assertEquals } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { AT_ONCE, bounded } from "./_bounded.ts";

/** Requests whose words are longer, or more, than anything can be. */
const REQUESTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "a long name and many folders in PATH": {
    argv: ["x".repeat(1_000_000)],
    env: { PATH: ":".repeat(20_000) },
  },
  "many folders in PATH": { argv: ["x"], env: { PATH: ":".repeat(2_000_000) } },
  "many long folders in PATH": {
    argv: ["x"],
    env: { PATH: `/${"x".repeat(4000)}:`.repeat(400) },
  },
  "a long path": { argv: [`/${"x/".repeat(500_000)}`] },
  "a long path of the folder": {
    argv: ["true"],
    cwd: `/${"x/".repeat(1_000_000)}`,
  },
  "a long name of the folder": { argv: ["./x"], cwd: "x".repeat(2_000_000) },
  "a long user": { argv: ["true"], user: "x".repeat(2_200_000) },
  "a long number for a user": { argv: ["true"], user: "1".repeat(2_200_000) },
  "a long group": { argv: ["true"], user: `root:${"x".repeat(2_200_000)}` },
};

for (
  const [kind, args] of Object.entries({
    "without restrictions": [],
    "with granted programs": ["--allow-run=true,echo"],
    "with a small bound for arguments": ["--max-args=128K"],
  })
) {
  Deno.test(
    `serve refuses ${kind} what nothing can be called, at once`,
    bounded(async (t) => {
      await using agent = await startAgent({ args });
      for (const [name, request] of Object.entries(REQUESTS)) {
        await t.step(name, async () => {
          using wire = await agent.open({ type: "exec", ...request });
          const answer = await wire.read(AT_ONCE);
          assertEquals(answer?.["type"], "error");
          assertEquals(answer?.["code"] === "internal", false);
          const { end } = await agent.exec(["true"]);
          assertEquals(end, { type: "exit" });
        });
      }
    }),
  );
}
