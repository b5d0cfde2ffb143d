/**
 * An agent that runs nothing: it says what an agent would say, from memory. What
 * the load generator does with it is the most that it can do with any agent.
 *
 * @example
 * ```sh
 * deno run --allow-read --allow-write bench/canned_agent.ts SOCKET
 * ```
 *
 * @module
 */

import {
  BLOCK_DATA,
  dataFrame,
  ECHO_LINE,
  repeatBytes,
  writeAll,
} from "./load_generator.ts";

/** How much data a frame of stdout has, in bytes. */
const FRAME_DATA = 64 * 1024;
const READ_SIZE = 1024 * 1024;
const LF = 10;

const encoder = new TextEncoder();
const STARTED = encoder.encode(`{"type":"started","pid":1}\n`);
const EXIT = encoder.encode(`{"type":"exit"}\n`);
const STDIN_CLOSE = encoder.encode(`{"type":"stdin_close"}\n`);
const ECHO = dataFrame("stdout", ECHO_LINE);
const BLOCK = repeatBytes(
  dataFrame("stdout", new Uint8Array(FRAME_DATA)),
  BLOCK_DATA / FRAME_DATA,
);

/**
 * Answers one client.
 *
 * @param connection The connection.
 */
async function serve(connection: Deno.UnixConn): Promise<void> {
  using _ = connection;
  const chunk = new Uint8Array(READ_SIZE);
  let count = await connection.read(chunk);
  if (count === null) return;
  const first = chunk.subarray(0, chunk.indexOf(LF));
  const { argv: [program, , size] } = JSON.parse(
    new TextDecoder().decode(first),
  );
  await writeAll(connection, STARTED);
  if (program === "head") {
    for (let left = Number(size) / BLOCK_DATA; left > 0; left--) {
      await writeAll(connection, BLOCK);
    }
  } else if (program === "cat") {
    while (await connection.read(chunk) !== null) {
      await writeAll(connection, ECHO);
    }
    return;
  } else if (program !== "true") {
    while (!endsWith(chunk.subarray(0, count), STDIN_CLOSE)) {
      count = await connection.read(chunk);
      if (count === null) return;
    }
  }
  await writeAll(connection, EXIT);
}

function endsWith(bytes: Uint8Array, end: Uint8Array): boolean {
  const at = bytes.length - end.length;
  return at >= 0 && end.every((byte, index) => byte === bytes[at + index]);
}

if (import.meta.main) {
  const listener = Deno.listen({ transport: "unix", path: Deno.args[0]! });
  for await (const connection of listener) {
    // A client that leaves is none of its business.
    serve(connection).catch(() => {});
  }
}
