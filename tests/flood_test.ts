import { assertEquals } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";

const encoder = new TextEncoder();

Deno.test(
  "serve goes on when clients leave right after their first frame",
  bounded(async () => {
    await using agent = await startAgent();
    const steady = await agent.connect();
    using _ = steady;
    await steady.send('{"type":"exec","argv":["cat"]}\n');
    assertEquals((await steady.read())?.["type"], "started");
    for (let i = 0; i < 100; i++) {
      const hasty = await Deno.connect({ transport: "unix", path: agent.path });
      await hasty.write(encoder.encode('{"type":"exec","argv":["true"]}\n'));
      // Some leave before the command runs, some while it does, some after it.
      await new Promise((resolve) => setTimeout(resolve, i % 5));
      hasty.close();
    }
    await steady.send(
      '{"type":"stdin","data":"aGk="}\n{"type":"stdin_close"}\n',
    );
    assertEquals((await steady.read())?.["data"], "aGk=");
    assertEquals((await steady.read())?.["type"], "exit");
  }),
);

Deno.test(
  "serve answers others while a client floods it with tiny frames",
  bounded(async () => {
    await using agent = await startAgent();
    const flood = await Deno.connect({ transport: "unix", path: agent.path });
    await flood.write(
      encoder.encode('{"type":"exec","argv":["sleep","60"]}\n'),
    );
    const frames = encoder.encode('{"type":"x"}\n'.repeat(30_000));
    let flooding = true;
    let sent = 0;
    const flooded = (async () => {
      while (flooding) sent += await flood.write(frames);
    })().catch(() => {});
    while (sent < frames.byteLength) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    // Each answer must come before the agent has worked off a whole flood.
    for (let i = 0; i < 5; i++) {
      const before = sent;
      using other = await agent.connect();
      await other.send('{"type":"exec","argv":["true"]}\n');
      assertEquals((await other.read())?.["type"], "started");
      assertEquals((await other.read())?.["type"], "exit");
      assertEquals(sent - before < 40 * frames.byteLength, true);
    }
    flooding = false;
    flood.close();
    await flooded;
  }),
);
