/**
 * Floods: clients that send something over and over, and how long others wait.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import type { Agent } from "./_agent.ts";
import { sleep, until } from "./_bounded.ts";
import type { Wire, WireFrame } from "./_wire.ts";

/** How much is sent at a time: what the agent reads at a time. */
const CHUNK_BYTES = 256 * 1024;
/** How many sessions of others are measured. */
const SAMPLES = 5;
/**
 * How much longer than alone others may take: a stall takes seconds. The factor is
 * for a busy machine, and the time for what a fair share is among many, in
 * milliseconds.
 */
const PATIENCE = { factor: 20, time: 400 } as const;

const encoder = new TextEncoder();

/**
 * Measures how long ordinary sessions take, one after the other.
 *
 * @param agent The agent.
 * @returns The median of commands, and of questions, in milliseconds.
 */
export async function measureSessions(agent: Agent): Promise<number> {
  let slowest = 0;
  for (const frame of [{ type: "exec", argv: ["true"] }, { type: "info" }]) {
    const times: number[] = [];
    for (let i = 0; i < SAMPLES; i++) {
      const start = performance.now();
      using wire = await agent.open(frame);
      const { end } = await wire.readSession();
      assertEquals(end, { type: "exit" });
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    slowest = Math.max(slowest, times[Math.floor(SAMPLES / 2)]!);
  }
  return slowest;
}

/**
 * Checks that others don't wait out of all proportion while something happens.
 *
 * @param agent The agent.
 * @param alone How long their sessions take when nothing does, in milliseconds.
 * @param what What happens, for the message.
 */
export async function assertOthersServed(
  agent: Agent,
  alone: number,
  what: string,
): Promise<void> {
  const median = await measureSessions(agent);
  assertLess(
    median,
    PATIENCE.factor * alone + PATIENCE.time,
    `The median session took ${median} ms, and ${alone} ms alone: ${what}`,
  );
}

/**
 * Lets sessions send something over and over behind their first frame, and checks
 * that others are served meanwhile.
 *
 * @param agent The agent.
 * @param flood The first frame, the text to repeat, and how many sessions do so.
 * @param alone How long other sessions take alone, in milliseconds.
 */
export async function assertFloodHarmless(
  agent: Agent,
  flood: { first: WireFrame; text: string; sessions: number },
  alone: number,
): Promise<void> {
  const { first, text, sessions } = flood;
  const chunk = encoder.encode(
    text.repeat(Math.ceil(CHUNK_BYTES / text.length)),
  );
  const what = `${sessions} × ${text.trim().slice(0, 80)}`;
  const wires = await Promise.all(Array.from({ length: sessions }, async () => {
    const wire = await agent.open(first);
    await wire.expectStarted();
    return wire;
  }));
  let flooding = true;
  let sent = 0;
  const sending = wires.map(async (wire) => {
    for (; flooding; sent++) await wire.trySend([chunk]);
  });
  // Credit is all that may come back while the command runs.
  let unexpected: string | undefined;
  const reading = wires.map(async (wire) => {
    for (let line; (line = await wire.readLine(60_000)) !== undefined;) {
      if (flooding && !line.includes('"window"')) unexpected ??= line;
    }
  });
  await until(() => sent > 0 || unexpected, `the flood: ${what}`);
  await assertOthersServed(agent, alone, what);
  flooding = false;
  for (const wire of wires) wire.close();
  await Promise.all([...sending, ...reading]);
  assertEquals(unexpected, undefined, what);
  await agent.checkClean(10_000);
}

/**
 * Lets connections send a first frame each, come back as soon as they are answered,
 * and checks that others are served meanwhile.
 *
 * @param agent The agent.
 * @param flood What each sends, and how many connections there are at a time.
 * @param alone How long other sessions take alone, in milliseconds.
 * @returns The answers' last frames, as lines.
 */
export async function assertReturnsHarmless(
  agent: Agent,
  flood: { text: string; connections: number },
  alone: number,
): Promise<string[]> {
  const bytes = encoder.encode(flood.text);
  const what = `${flood.connections} × ${flood.text.trim().slice(0, 80)}`;
  const answers: string[] = [];
  let flooding = true;
  const wires = new Set<Wire>();
  const returning = Array.from({ length: flood.connections }, async () => {
    while (flooding) {
      using wire = await agent.connect();
      wires.add(wire);
      await wire.trySend([bytes]);
      let last = "";
      for (let line; (line = await wire.readLine(60_000));) last = line;
      if (flooding) answers.push(last);
      wires.delete(wire);
      // Timers have their turn too.
      await sleep(0);
    }
  });
  await until(() => answers.length > 0, `the first answer: ${what}`);
  await assertOthersServed(agent, alone, what);
  flooding = false;
  for (const wire of wires) wire.close();
  await Promise.all(returning);
  await agent.checkClean(10_000);
  assert(answers.length > 0);
  return answers;
}
