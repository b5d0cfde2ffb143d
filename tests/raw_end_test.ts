import { assertEquals, assertStringIncludes } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded, untilStalled } from "./_bounded.ts";
import { assertKilled, writtenBytes } from "./_proc.ts";
import { assertBroken, openRaw } from "./_raw.ts";
import { decodeData, rawFrame, text } from "./_wire.ts";

Deno.test(
  "serve kills the child and answers with a protocol error when a size is none, or too large",
  bounded(async (t) => {
    await using agent = await startAgent();
    const sizes = [
      ...["-1", "1.5", '"2"', "true", "[]", "{}", "1e300", "8388577"],
      ...["8388608", "4294967297", "9007199254740993"],
    ];
    for (const size of sizes) {
      await t.step(size, async () => {
        const { wire, pid } = await openRaw(agent, [
          ...["sh", "-c", "sleep 60 & sleep 60"],
        ]);
        using _ = wire;
        // At once: the bytes needn't come.
        await wire.send(`{"type":"stdin","size":${size}}\n`);
        const message = await assertBroken(wire, pid);
        assertStringIncludes(message, 'Cannot parse frame "stdin": ');
      });
    }
    await t.step("fewer than follow", async () => {
      const { wire, pid } = await openRaw(agent, ["sleep", "60"]);
      using _ = wire;
      await wire.send('{"type":"stdin","size":2}\nabc\n');
      await assertBroken(wire, pid);
    });
    assertEquals(text((await agent.exec(["echo", "alive"])).stdout), "alive\n");
  }),
);

Deno.test(
  "serve kills the child's group at once when the client is lost within a raw frame",
  bounded(async (t) => {
    await using agent = await startAgent();
    for (const features of [[], ["flow"]]) {
      for (
        const [name, part] of [
          ["its line", '{"type":"stdin","si'],
          ["none of its bytes", '{"type":"stdin","size":100}\n'],
          ["some of its bytes", '{"type":"stdin","size":100}\nsome'],
        ] as const
      ) {
        await t.step(`after ${name} ${features}`, async () => {
          const { wire, pid } = await openRaw(agent, [
            ...["sh", "-c", "trap '' HUP TERM; cat; sleep 60 & sleep 60"],
          ], { features });
          await wire.send(part);
          if (part.endsWith("some")) {
            assertEquals(text(decodeData(await wire.expect("stdout"))), "some");
          }
          wire.close();
          await assertKilled(pid);
        });
      }
    }
    await t.step("that the agent sends", async () => {
      const { wire, pid } = await openRaw(agent, [
        ...["cat", "/dev/zero"],
      ]);
      wire.raw = false;
      assertEquals((await wire.read())?.type, "stdout");
      wire.close();
      await assertKilled(pid);
    });
  }),
);

Deno.test(
  "serve takes a half-close within a raw frame for the end of stdin",
  bounded(async (t) => {
    await using agent = await startAgent();
    for (const features of [[], ["flow"]]) {
      for (
        const [part, expected] of [
          ['{"type":"stdin","size":100}\n', "a"],
          ['{"type":"stdin","size":100}\nsome\n', "asome\n"],
        ] as const
      ) {
        await t.step(`${JSON.stringify(part)} ${features}`, async () => {
          const { wire } = await openRaw(agent, [
            ...["sh", "-c", "cat; echo end >&2; exit 3"],
          ], { features });
          using _ = wire;
          await wire.send(rawFrame("stdin", "a"));
          await wire.send(part);
          await wire.closeWrite();
          const { stdout, stderr, end } = await wire.readSession();
          assertEquals([text(stdout), text(stderr)], [expected, "end\n"]);
          assertEquals(end, { type: "exit", exit_code: 3 });
        });
      }
    }
  }),
);

Deno.test(
  "serve ends the session in order when the child ends within a raw frame",
  bounded(async (t) => {
    await using agent = await startAgent();
    for (const features of [[], ["flow"]]) {
      await t.step(
        `with ${features.length > 0 ? features : "raw alone"}`,
        async () => {
          const { wire } = await openRaw(agent, [
            ...["sh", "-c", "head -c 4; exit 4"],
          ], { features });
          using _ = wire;
          await wire.send('{"type":"stdin","size":100000}\nsome');
          const { stdout, end } = await wire.readSession();
          assertEquals(text(stdout), "some");
          assertEquals(end, { type: "exit", exit_code: 4 });
        },
      );
    }
  }),
);

Deno.test(
  "serve sends an error behind the bytes of a raw frame, and never within",
  bounded(async () => {
    await using agent = await startAgent();
    const { wire, pid } = await openRaw(agent, ["yes"]);
    using _ = wire;
    // Nobody reads, so it is held up in the middle of a frame when it learns.
    await untilStalled(() => writtenBytes(pid), "the child's output");
    await wire.send("nonsense\n");
    const { stdout, end } = await wire.readSession();
    assertEquals([end.type, end["code"]], ["error", "protocol"]);
    assertEquals(text(stdout).replaceAll("y\n", ""), "");
    await assertKilled(pid);
  }),
);
