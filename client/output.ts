/**
 * Running a command to its end.
 *
 * @module
 */

import type { RemoteStatus } from "./remote_process.ts";
import type { CallOptions } from "./session.ts";
import { type Placement, spawn } from "./spawn.ts";
import type { Target } from "./target.ts";

/** Options for {@linkcode output}. */
export interface OutputOptions extends CallOptions, Placement {
  /**
   * How many bytes of stdout, and of stderr, to take at most.
   *
   * @default {67108864}
   */
  maxBytes?: number;
}

/** What {@linkcode output} returns. */
export interface RemoteOutput extends RemoteStatus {
  /** All that the command wrote to its stdout. */
  readonly stdout: Uint8Array;
  /** All that the command wrote to its stderr. */
  readonly stderr: Uint8Array;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Runs a command in a guest to its end, without input, and collects what it
 * writes.
 *
 * @example The guest's kernel
 * ```ts ignore
 * import { output } from "@cocoonstack/agent";
 *
 * const { stdout } = await output({ cid: 3 }, ["uname", "-r"]);
 * console.log(new TextDecoder().decode(stdout));
 * ```
 *
 * @param target Where the agent is.
 * @param argv The program, found by the PATH in the guest, and its arguments.
 * @param options The options.
 * @returns How the command ended, and its output.
 * @throws {RangeError} If the command writes more than `maxBytes`.
 * @throws As {@linkcode spawn} does, and as `RemoteProcess.status` rejects.
 */
export async function output(
  target: Target,
  argv: readonly string[],
  options: OutputOptions = {},
): Promise<RemoteOutput> {
  const { maxBytes = DEFAULT_MAX_BYTES } = options;
  await using process = await spawn(target, argv, {
    ...options,
    stdin: "null",
  });
  const [stdout, stderr] = await Promise.all([
    collect(process.stdout, maxBytes),
    collect(process.stderr, maxBytes),
  ]);
  return { ...await process.status, stdout, stderr };
}

/** Collects in one piece: kept as they come, tiny chunks take far more memory. */
async function collect(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> {
  let bytes = new Uint8Array(0);
  let length = 0;
  for await (const chunk of stream) {
    const end = length + chunk.length;
    if (end > maxBytes) {
      throw new RangeError(
        `Cannot collect the command's output: it is longer than ${maxBytes} bytes`,
      );
    }
    if (end > bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * length));
      grown.set(bytes.subarray(0, length));
      bytes = grown;
    }
    bytes.set(chunk, length);
    length = end;
  }
  return bytes.subarray(0, length);
}
