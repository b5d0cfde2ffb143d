/**
 * The `reseed` command.
 *
 * @module
 */

import type { Command } from "../cli/command.ts";
import type { ParsedFlags } from "../cli/parse_flags.ts";
import { readFile } from "../ffi/read_file.ts";
import { reseed } from "./reseed.ts";
import {
  callAgent,
  parseTarget,
  TARGET_FLAGS,
  TARGET_NOTES,
  TARGET_USAGE,
} from "./target_flags.ts";

/** As much as an agent takes. */
const ENTROPY_BYTES = 512;

/** Makes a restored guest differ from its siblings. */
export const reseedCommand: Command = {
  name: "reseed",
  summary: "Renew a machine's randomness after a snapshot was restored",
  usage: [`reseed ${TARGET_USAGE} [FLAGS]`],
  flags: [
    ...TARGET_FLAGS,
    {
      name: "regen-machine-id",
      description: "Give the machine a fresh machine id as well",
    },
    {
      name: "entropy-file",
      value: "FILE",
      description:
        `Take up to ${ENTROPY_BYTES} bytes of entropy from here, such as /dev/hwrng (default: this host's generator)`,
    },
  ],
  notes: `${TARGET_NOTES}

Exit codes:
  0  done
  1  the agent cannot be reached, or a step failed; the message says which
  2  wrong usage`,
  usageExitCode: 2,
  run,
};

async function run(flags: ParsedFlags): Promise<number> {
  const target = parseTarget(flags);
  const file = flags.get("entropy-file");
  const entropy = file === undefined
    ? crypto.getRandomValues(new Uint8Array(ENTROPY_BYTES))
    : readEntropy(file);
  const regenMachineId = flags.has("regen-machine-id");
  await callAgent(
    target,
    flags,
    (options) => reseed(target, { entropy, regenMachineId, ...options }),
  );
  return 0;
}

function readEntropy(path: string): Uint8Array {
  const bytes = readFile(path, ENTROPY_BYTES);
  if (bytes.length === 0) {
    throw new Error(`Cannot take entropy from "${path}": it is empty`);
  }
  return bytes;
}
