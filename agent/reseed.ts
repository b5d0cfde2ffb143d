/**
 * Making a restored guest differ from the others of the same snapshot.
 *
 * @module
 */

import { addEntropy, reseedGenerator } from "../ffi/entropy.ts";
import type { ReseedFrame } from "../protocol/mod.ts";
import { regenerateMachineId, removeIfPresent } from "./machine_id.ts";

/** More of the caller's entropy is cut off. */
const MAX_ENTROPY_BYTES = 512;

/**
 * Does what a `reseed` frame asks for: mixes the caller's entropy into the
 * kernel's pool, reseeds its generator, drops the seed that was saved for the
 * next boot, and gives the guest a new machine id if that is wanted.
 *
 * A step that fails doesn't keep the others from being done.
 *
 * @param request The frame; its data is overwritten.
 * @param root The folder that holds `etc` and `var`, empty for the real one.
 * @throws {AggregateError} If a step fails; the message names each that did.
 */
export async function reseed(
  request: ReseedFrame,
  root: string,
): Promise<void> {
  const entropy = request.data.subarray(0, MAX_ENTROPY_BYTES);
  const failures: unknown[] = [];
  const steps: [name: string, step: () => void | Promise<void>][] = [
    ["add entropy", () => {
      if (entropy.byteLength > 0) addEntropy(entropy);
    }],
    ["reseed the generator", reseedGenerator],
    [
      "remove the saved seed",
      () => removeIfPresent(`${root}/var/lib/systemd/random-seed`),
    ],
  ];
  if (request.regenMachineId) {
    steps.push([
      "regenerate the machine id",
      () => regenerateMachineId(root),
    ]);
  }
  for (const [name, step] of steps) {
    try {
      await step();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failures.push(new Error(`${name}: ${reason}`, { cause: error }));
    }
  }
  request.data.fill(0);
  if (failures.length > 0) {
    const reasons = failures.map((failure) => (failure as Error).message);
    throw new AggregateError(failures, `Cannot reseed: ${reasons.join("; ")}`);
  }
}
