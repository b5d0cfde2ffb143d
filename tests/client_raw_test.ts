import { assertEquals, assertFalse } from "@std/assert";
import { Buffer } from "node:buffer";
import { type Agent, startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import { type ClientOptions, type ClientOutput, runClient } from "./_client.ts";
import { Peer } from "./_peer.ts";
import {
  dataFrame,
  decodeData,
  randomBytes,
  rawFrame,
  sha256,
} from "./_wire.ts";

const MIB = 1024 * 1024;

Deno.test(
  "client speaks raw by default, and doesn't with --no-raw",
  bounded(async (t) => {
    await using agent = await startAgent();
    const bytes = randomBytes(3 * MIB + 7);
    const command = ["sh", "-c", "cat; printf err >&2; exit 6"];
    for (
      const [flags, framing] of [[[], "size"], [["--no-raw"], "data"]] as const
    ) {
      await t.step(["client", ...flags].join(" "), async () => {
        const { output, up, down } = await record(agent, flags, command, {
          stdin: new Blob([bytes as Uint8Array<ArrayBuffer>]).stream(),
        });
        const { code, bytes: echoed, stderr } = output;
        assertEquals([code, stderr], [6, "err"]);
        assertEquals(await sha256(echoed), await sha256(bytes));
        assertEquals(up, new Set([`stdin ${framing}`]));
        assertEquals(
          down,
          new Set([`stdout ${framing}`, `stderr ${framing}`]),
        );
      });
    }
    await t.step("with an agent that knows no raw", async () => {
      await using peer = new Peer(async (wire) => {
        wire.raw = true;
        assertEquals((await wire.expect("exec"))["features"], [
          ...["signals", "flow", "raw", "usage"],
        ]);
        await wire.send({ type: "started", pid: 7 });
        const frame = await wire.expect("stdin");
        assertFalse("size" in frame, wire.lastLine);
        await wire.send(dataFrame("stdout", decodeData(frame)));
        await wire.expect("stdin_close");
        await wire.send({ type: "exit" });
      });
      const { code, stdout } = await runClient(
        ["--unix", peer.path, "--", "cat"],
        { stdin: "hi" },
      );
      assertEquals([code, stdout], [0, "hi"]);
    });
  }),
);

Deno.test(
  "client takes frames with data between raw ones, wherever they are cut",
  bounded(async () => {
    const session = Buffer.concat([
      Buffer.from('{"type":"started","pid":7,"features":["raw"]}\n'),
      rawFrame("stdout", 'a\n{"type":"exit","exit_code":9}\n'),
      Buffer.from('{"type":"stdout","data":"Yg=="}\n{"type":"stdout"}\n'),
      rawFrame("stderr", "c\n"),
      rawFrame("stderr", ""),
      Buffer.from('{ "size": 2, "type": "stdout" }\r\n\r\n'),
      Buffer.from('{"type":"exit","exit_code":2}\n'),
    ]);
    await using peer = new Peer(async (wire) => {
      await wire.read();
      for (const byte of session) await wire.send(Uint8Array.of(byte));
    });
    const { code, stdout, stderr } = await runClient([
      ...["--unix", peer.path, "--", "x"],
    ]);
    assertEquals(stdout, 'a\n{"type":"exit","exit_code":9}\nb\r\n');
    assertEquals([code, stderr], [2, "c\n"]);
  }),
);

/** Runs a client through a proxy, and tells how data went both ways. */
async function record(
  agent: Agent,
  flags: readonly string[],
  command: readonly string[],
  options: ClientOptions,
): Promise<{ output: ClientOutput; up: Set<string>; down: Set<string> }> {
  const chunks = { up: [] as Uint8Array[], down: [] as Uint8Array[] };
  let output: ClientOutput;
  {
    await using proxy = new Peer(async (client) => {
      using guest = await agent.connect();
      await Promise.all([
        client.forwardTo(guest, (chunk) => chunks.up.push(chunk)),
        guest.forwardTo(client, (chunk) => chunks.down.push(chunk)),
      ]);
    });
    output = await runClient(
      ["--unix", proxy.path, ...flags, "--", ...command],
      options,
    );
  }
  const framingsOf = (bytes: Buffer) =>
    new Set(
      bytes.toString("latin1")
        .matchAll(/\{"type":"(std\w+)","(size|data)":/g)
        .map(([, type, field]) => `${type} ${field}`),
    );
  return {
    output,
    up: framingsOf(Buffer.concat(chunks.up)),
    down: framingsOf(Buffer.concat(chunks.down)),
  };
}
