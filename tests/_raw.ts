/**
 * Sessions with the extension `raw`.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Agent } from "./_agent.ts";
import { assertKilled } from "./_proc.ts";
import { rawFrame, type Wire, type WireFrame } from "./_wire.ts";

export const CLOSE: WireFrame = { type: "stdin_close" };
/** As large as those that the client sends. */
const FRAME_BYTES = 256 * 1024;

/** Begins a session that has asked for the extension, and reads its answer. */
export async function openRaw(
  agent: Agent,
  argv: readonly string[],
  { features = [], ...fields }: { features?: string[]; tty?: unknown } = {},
): Promise<{ wire: Wire; pid: number; started: WireFrame }> {
  const wire = await agent.open({
    ...{ type: "exec", argv, features: ["raw", ...features], ...fields },
  });
  wire.raw = true;
  const started = await wire.expect("started");
  return { wire, pid: started["pid"] as number, started };
}

/** Checks that the session ends as it does when the protocol is broken. */
export async function assertBroken(wire: Wire, pid: number): Promise<string> {
  const { end } = await wire.readSession();
  assertEquals([end.type, end["code"]], ["error", "protocol"]);
  await assertKilled(pid);
  return end["message"] as string;
}

/** Sends bytes in raw frames. */
export async function sendRaw(
  wire: Wire,
  bytes: Uint8Array,
  most = FRAME_BYTES,
): Promise<void> {
  for (let at = 0; at < bytes.length; at += most) {
    await wire.send(rawFrame("stdin", bytes.subarray(at, at + most)));
  }
}
