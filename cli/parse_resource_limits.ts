/**
 * The flags that limit what a command may take of its machine.
 *
 * @module
 */

import { UsageError } from "./command.ts";
import type { ParsedFlags } from "./parse_flags.ts";

/** Less than this starts no program. */
const MIN_MEMORY = 2 ** 20;
const MAX_MEMORY = 2 ** 50;
/** The most that Linux has on 64 bits, see proc_sys_kernel(5) on `pid_max`. */
const MAX_PIDS = 2 ** 22;
const CPU = { min: 0.01, max: 8192 } as const;

/** What the flags say; what is missing isn't limited. */
export interface ParsedResourceLimits {
  /** `--memory`: bytes. */
  memory?: number;
  /** `--pids`: how many processes and threads at once. */
  pids?: number;
  /** `--cpu`: how many processors' time. */
  cpu?: number;
}

/**
 * Parses `--memory`, `--pids` and `--cpu`.
 *
 * @param flags The flags.
 * @returns The limits.
 * @throws {UsageError} If one makes no sense.
 */
export function parseResourceLimits(flags: ParsedFlags): ParsedResourceLimits {
  const memory = flags.bytes("memory", MIN_MEMORY, MAX_MEMORY);
  const pids = flags.integer("pids", 1, MAX_PIDS);
  const cpu = parseCpu(flags.get("cpu"));
  return {
    ...(memory !== undefined && { memory }),
    ...(pids !== undefined && { pids }),
    ...(cpu !== undefined && { cpu }),
  };
}

function parseCpu(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const cpu = /^\d+(\.\d+)?$/.test(value) ? Number(value) : NaN;
  if (cpu >= CPU.min && cpu <= CPU.max) return cpu;
  throw new UsageError(
    `--cpu must be a number of processors from ${CPU.min} to ${CPU.max}, such as 0.5, got "${value}"`,
  );
}
