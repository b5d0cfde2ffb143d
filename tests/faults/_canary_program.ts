/**
 * A client that minds its own business beside a fault, in a process of its own
 * so that what injects the fault doesn't hold it up: it runs one command after
 * another, and echoes lines through one that stays. When its stdin ends it
 * prints how long it waited for each.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { sleep } from "../_bounded.ts";
import { dataFrame, decodeData, text, Wire } from "../_wire.ts";
import { STARTED } from "./_canary.ts";
import type { Waits } from "./_waits.ts";

/** How long it rests between two commands, or two lines, in milliseconds. */
const REST = 5;
/** How long it rests when the agent said that it was busy, in milliseconds. */
const BUSY_REST = 50;
const LINE = "canary\n";

const [path, port] = Deno.args as [path: string, port?: string];
const waits: Waits = { commands: [], echoes: [], busy: 0 };
let over = false;

using session = await connect();
await session.send({ type: "exec", argv: ["cat"] });
await session.expectStarted();

await runCommand();
await echo();
console.log(STARTED);
await Promise.all([
  repeat(waits.commands, runCommand),
  repeat(waits.echoes, echo),
  untilStdinEnds(),
]);
console.log(JSON.stringify(waits));

async function connect(): Promise<Wire> {
  const wire = await Wire.connect(path);
  if (port !== undefined) {
    await wire.send(`CONNECT ${port}\n`);
    assertMatch(await wire.readLine() ?? "", /^OK \d+$/);
  }
  return wire;
}

async function repeat(
  times: number[],
  task: () => Promise<void>,
): Promise<void> {
  while (!over) {
    const start = performance.now();
    await task();
    times.push(performance.now() - start);
    await sleep(REST);
  }
}

async function runCommand(): Promise<void> {
  for (;;) {
    using wire = await connect();
    // An agent that is short of everything may answer before it has read this.
    await wire.trySend([{ type: "exec", argv: ["true"] }]);
    const { end } = await wire.readSession();
    if (end["code"] !== "busy") return assertEquals(end, { type: "exit" });
    waits.busy++;
    await sleep(BUSY_REST);
  }
}

async function echo(): Promise<void> {
  await session.send(dataFrame("stdin", LINE));
  for (let missing = LINE; missing !== "";) {
    const data = text(decodeData(await session.expect("stdout")));
    assertEquals(missing.slice(0, data.length), data);
    missing = missing.slice(data.length);
  }
}

async function untilStdinEnds(): Promise<void> {
  for await (const _ of Deno.stdin.readable);
  over = true;
}
