/**
 * A thread that runs `true` again and again beside all that goes on. Its client
 * says where the agent listens, later `null` for the end, and is told how long each
 * took in milliseconds, or why it failed; first of all, that the thread runs.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { runTrue } from "../bench/load_generator.ts";
import { sleep } from "../tests/_bounded.ts";

/** How long to wait between two, in milliseconds. */
const INTERVAL = 100;

let target: string | null = null;

self.onmessage = async ({ data }: MessageEvent<string | null>) => {
  target = data;
  while (target !== null) {
    try {
      self.postMessage(await runTrue({ socket: target }));
    } catch (error) {
      self.postMessage(String(error));
    }
    await sleep(INTERVAL);
  }
};

self.postMessage("ready");
