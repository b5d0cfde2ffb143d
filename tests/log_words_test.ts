import { assert, assertEquals } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded, until } from "./_bounded.ts";
import { programArgs } from "./_program.ts";
import { Terminal, terminalTest } from "./_terminal.ts";
import { Wire } from "./_wire.ts";

/** What a caller may say so that a terminal, or an editor, does something. */
const HOSTILE = "\x1b[2J\x07 \x7f\x9b31m \u202eabc\u2066 \u2028 \ud83d";

const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/u;

Deno.test(
  "serve logs lines of JSON that are safe to look at, and mean what was said",
  bounded(async () => {
    await using agent = await startAgent();
    await agent.exec([HOSTILE]);
    await agent.exec(["true", "\x9b".repeat(100_000), HOSTILE]);
    using unknown = await agent.open({ type: HOSTILE });
    await unknown.readSession();
    await until(() => agent.audit.length === 3, "the records");
    assertEquals(agent.audit[0]!["argv"], [HOSTILE]);
    for (const line of agent.stderr.trimEnd().split("\n")) {
      assertEquals(UNPRINTABLE.exec(line)?.[0], undefined, line.slice(0, 500));
      // journald splits longer ones.
      assert(new TextEncoder().encode(line).length < 48 * 1024);
    }
  }),
);

terminalTest("serve logs safely on a terminal, too", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "log-" });
  try {
    const path = `${folder}/agent.sock`;
    await using terminal = new Terminal(
      programArgs("serve", ["--listen", `unix:${path}`]),
    );
    await terminal.expect("Listening on");
    using wire = await Wire.connect(path);
    await wire.send({ type: "exec", argv: [HOSTILE] });
    await wire.readSession();
    const [line] = await terminal.expect(/Session of .*protocol.*\r\n/);
    assertEquals(UNPRINTABLE.exec(line!.trimEnd())?.[0], undefined, line);
    assert(line!.includes(String.raw`\u202eabc\u2066`), line);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
