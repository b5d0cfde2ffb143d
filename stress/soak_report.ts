/**
 * What a soak found out, as text.
 *
 * @module
 */

import { format as formatBytes } from "@std/fmt/bytes";
import { sparkline } from "./memory.ts";
import type { SoakResult } from "./soak_run.ts";

/** What must be true of a soak, and how to see it. */
const CHECKS: readonly (readonly [
  what: string,
  holds: (result: SoakResult) => boolean,
])[] = [
  ["sessions end as they should", ({ unexpected }) => unexpected === 0],
  ["all data arrives unchanged", ({ wrongChecksums }) => wrongChecksums === 0],
  [
    "nothing is left behind",
    ({ leaks }) => Object.values(leaks).every((left) => left === 0),
  ],
  ["others are served meanwhile", ({ canary }) => canary.count > 0],
  ["memory doesn't grow", ({ memory }) => !memory.grows],
  ["the log has no warning", ({ warnings }) => warnings.length === 0],
  ["the agent ends when it is told to", ({ end }) => end === undefined],
];

/**
 * Returns what should be true of a soak, and isn't.
 *
 * @param result What it found out.
 */
export function failedChecks(result: SoakResult): string[] {
  return CHECKS.filter(([, holds]) => !holds(result)).map(([what]) => what);
}

/**
 * Formats what a soak found out. The last line counts what was checked, as that of
 * `deno test` does.
 *
 * @param result What it found out.
 * @returns The text, without a final newline.
 */
export function formatSoak(result: SoakResult): string {
  const { sessions, leaks, canary, memory, time } = result;
  const count = Object.values(sessions).reduce((sum, each) => sum + each, 0);
  const rows: [string, string | number][] = [
    ["sessions", `${count}, ${(count / time * 1000).toFixed(1)}/s`],
    ...Object.entries(sessions)
      .map(([name, each]): [string, number] => [`  ${name}`, each]),
    ["to commands", bytes(result.sent)],
    ["from commands", bytes(result.received)],
    ["wrong checksums", result.wrongChecksums],
    ["unexpected ends", result.unexpected],
    ["left behind", ""],
    ["  agent's descriptors", leaks.descriptors],
    ["  agent's children", leaks.children],
    ["  agent's zombies", leaks.zombies],
    ["  client's descriptors", leaks.clientDescriptors],
    [
      "true beside it",
      `p50 ${milliseconds(canary.p50)}, p99 ${milliseconds(canary.p99)}, max ${
        milliseconds(canary.max)
      }, ${canary.count} times`,
    ],
    [
      "RSS",
      `min ${bytes(memory.min)}, median ${bytes(memory.median)}, max ${
        bytes(memory.max)
      }`,
    ],
    [
      "  behind the warm-up",
      `first ${bytes(memory.first)}, last ${bytes(memory.last)}, ${
        bytes(memory.slope, true)
      } a minute`,
    ],
    ["  from 0 to the most", sparkline(memory.curve)],
  ];
  const failed = failedChecks(result);
  const details = [
    ...result.failures,
    ...result.warnings,
    ...(result.end === undefined ? [] : [result.end]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    `cocoon-agent ${result.version}, ${result.agent}, seed ${result.seed}`,
    "",
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd()),
    ...(failed.length > 0 ? ["", "Not true:"] : []),
    ...failed.map((what) => `  ${what}`),
    ...details.map((detail) => `  ${detail}`),
    "",
    `${failed.length === 0 ? "ok" : "FAILED"} | ${
      CHECKS.length - failed.length
    } passed | ${failed.length} failed (${(time / 1000).toFixed(0)}s)`,
  ].join("\n");
}

function bytes(count: number, signed = false): string {
  return formatBytes(Math.round(count), {
    binary: true,
    maximumFractionDigits: 1,
    signed,
  });
}

function milliseconds(time: number): string {
  return `${time.toFixed(1)} ms`;
}
