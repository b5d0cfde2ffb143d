/**
 * The result as text.
 *
 * @module
 */

import type {
  Reference,
  Result,
  Row,
  ScaleSeries,
  Skipped,
  Unit,
} from "./result.ts";

const HEADINGS = ["", "ratio", "measured", "bound", "target", "others"];
const SCALE_HEADINGS = ["", "RSS", "exec p50", "exec p99", "CPU"];
/** Which columns of both tables are numbers, which end below each other. */
const NUMBERS = new Set(["ratio", "measured", ...SCALE_HEADINGS.slice(1)]);
/** What stands where there is nothing to say. */
const NOTHING = "–";

/**
 * Formats a result.
 *
 * @param result The result.
 * @returns The text, without a final newline.
 */
export function formatResult(result: Result): string {
  const { machine, agents, rounds, rows, scale, skipped, failed } = result;
  const parts = [
    [
      `cocoon-agent ${result.version}, ${result.date.slice(0, 10)}, median of ${
        rounds === 1 ? "one round" : `${rounds} rounds`
      }`,
      Object.entries(machine).map(([name, value]) => `${name} ${value}`)
        .join(", "),
      ...Object.entries(agents).map(([name, what]) => `${name}: ${what}`),
    ],
  ];
  if (rows.length > 0) {
    parts.push(formatColumns([HEADINGS, ...rows.map(formatRow)]));
  }
  const ceilings = rows.flatMap(({ what, unit, ceiling }) =>
    ceiling === undefined
      ? []
      : [`  ${what}: ${formatValue(ceiling, unit, { withUnit: true })}`]
  );
  if (ceilings.length > 0) {
    parts.push([
      "The load generator's own, with an agent that runs nothing:",
      ...ceilings,
    ]);
  }
  if (scale.length > 0) parts.push(formatScale(scale));
  parts.push(
    ...formatReasons("Not measured:", skipped),
    ...formatReasons("Failed:", failed),
  );
  return parts.map((lines) => lines.join("\n")).join("\n\n");
}

/**
 * Formats a figure.
 *
 * @param value The figure.
 * @param unit What it is counted in.
 * @param options Whether to say so.
 */
export function formatValue(
  value: number,
  unit: Unit,
  options: { withUnit?: boolean } = {},
): string {
  const digits = unit === "wakeups" || value >= 100
    ? 0
    : value >= 10 || unit === "MB"
    ? 1
    : value >= 1
    ? 2
    : 3;
  const text = Number.isInteger(value) && unit === "ms"
    ? String(value)
    : value.toFixed(digits);
  if (!options.withUnit || unit === "wakeups") return text;
  return unit === "1/s" ? `${text}/s` : `${text} ${unit}`;
}

function formatRow(row: Row): string[] {
  const { what, unit, value, bound, targets = [], others = [] } = row;
  const reference = ({ what, value }: Reference) =>
    `${what} ${formatValue(value, unit)}`;
  return [
    what,
    bound ? `${(value / bound.value).toFixed(2)}x` : NOTHING,
    formatValue(value, unit, { withUnit: true }),
    bound ? reference(bound) : NOTHING,
    targets.map(({ goal, reached }) => `${goal}: ${reached ? "yes" : "NO"}`)
      .join(", ") || NOTHING,
    others.map(reference).join(", ") || NOTHING,
  ];
}

function formatScale(scale: readonly ScaleSeries[]): string[] {
  return formatColumns([
    SCALE_HEADINGS,
    ...scale.flatMap(({ agent, points }) =>
      points.map(({ sessions, busy, rss, p50, p99, cpu }) => [
        `${agent}, ${sessions} ${busy ? "busy" : "idle"} sessions`,
        formatValue(rss, "MB", { withUnit: true }),
        formatValue(p50, "ms", { withUnit: true }),
        formatValue(p99, "ms", { withUnit: true }),
        `${cpu.toFixed(1)}%`,
      ])
    ),
  ]);
}

/** Returns the paragraph of what there is no figure of, if there is anything. */
function formatReasons(
  heading: string,
  missing: readonly Skipped[],
): string[][] {
  if (missing.length === 0) return [];
  return [[
    heading,
    ...missing.map(({ what, reason }) => `  ${what}: ${reason}`),
  ]];
}

/**
 * Formats rows of cells, the headings first, so that the columns stand below
 * each other.
 *
 * @param rows The rows.
 * @returns The lines.
 */
export function formatColumns(rows: readonly (readonly string[])[]): string[] {
  const headings = rows[0]!;
  const widths = headings.map((_, column) =>
    Math.max(...rows.map((row) => row[column]!.length))
  );
  return rows.map((row) =>
    row.map((cell, column) =>
      NUMBERS.has(headings[column]!)
        ? cell.padStart(widths[column]!)
        : cell.padEnd(widths[column]!)
    ).join("  ").trimEnd()
  );
}
