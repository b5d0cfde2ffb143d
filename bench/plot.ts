/**
 * How agents fare with many sessions, as a picture.
 *
 * @module
 */

import type { ScalePoint, ScaleSeries } from "./result.ts";

const PANEL = { width: 250, height: 170, gap: 70 } as const;
const MARGIN = { left: 55, top: 50, right: 20, bottom: 70 } as const;
/** About how many lines a scale has. */
const TICKS = 5;

/** One line of a panel. */
interface Line {
  /** What the key calls it. */
  readonly label: string;
  /** Its class, which gives it its colour. */
  readonly style: string;
  /** Returns its value at a point. */
  value(point: ScalePoint): number;
}

const PANELS: readonly { title: string; unit: string; lines: Line[] }[] = [
  {
    title: "Resident memory",
    unit: "MB",
    lines: [{ label: "RSS", style: "a", value: ({ rss }) => rss }],
  },
  {
    title: "Round trip of true",
    unit: "ms",
    lines: [
      { label: "p50", style: "a", value: ({ p50 }) => p50 },
      { label: "p99", style: "b", value: ({ p99 }) => p99 },
    ],
  },
  {
    title: "Processor time",
    unit: "% of a core",
    lines: [{ label: "CPU", style: "a", value: ({ cpu }) => cpu }],
  },
];

/** With colours of its own for a dark page. */
const STYLE =
  `text{font:12px sans-serif;fill:#333}.t{font-weight:bold}.g{stroke:#8886}
.a,.b{fill:none;stroke-width:2}.a{stroke:#06c}.b{stroke:#c50}.o{stroke-dasharray:5 4}
@media(prefers-color-scheme:dark){text{fill:#ddd}.a{stroke:#5af}.b{stroke:#fa5}}`;

/**
 * Draws the figures over the number of idle sessions, with those of busy
 * sessions as squares beside them.
 *
 * @param series The agents. Lines of all but the first are dashed.
 * @returns The picture, in SVG.
 */
export function plotScale(series: readonly ScaleSeries[]): string {
  const width = MARGIN.left + MARGIN.right +
    PANELS.length * PANEL.width + (PANELS.length - 1) * PANEL.gap;
  const height = MARGIN.top + PANEL.height + MARGIN.bottom;
  const panels = PANELS.map((panel, index) => {
    const left = MARGIN.left + index * (PANEL.width + PANEL.gap);
    return `<g transform="translate(${left} ${MARGIN.top})">\n${
      drawPanel(panel, series)
    }\n</g>`;
  });
  const names = series.map(({ agent }, index) =>
    `${agent} ${index === 0 ? "solid" : "dashed"}`
  );
  const busy = series.flatMap(({ points }) => points).find(({ busy }) => busy);
  const notes = [
    ...(series.length > 1 ? names : []),
    ...(busy ? [`squares: ${busy.sessions} busy sessions`] : []),
  ].join("; ");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    "<title>An agent with many sessions</title>",
    `<style>${STYLE}</style>`,
    ...panels,
    text(width / 2, height - 12, escape(notes), `text-anchor="middle"`),
    "</svg>\n",
  ].join("\n");
}

function drawPanel(
  { title, unit, lines }: (typeof PANELS)[number],
  series: readonly ScaleSeries[],
): string {
  const points = series.flatMap(({ points }) => points);
  const xTicks = niceTicks(Math.max(...points.map(({ sessions }) => sessions)));
  const yTicks = niceTicks(
    Math.max(...lines.flatMap(({ value }) => points.map(value))),
  );
  const x = (value: number) => round(PANEL.width * value / xTicks.at(-1)!);
  const y = (value: number) =>
    round(PANEL.height * (1 - value / yTicks.at(-1)!));
  const { width, height } = PANEL;
  return [
    text(0, -25, `${title}, ${unit}`, `class="t"`),
    ...yTicks.flatMap((tick) => [
      `<path class="g" d="M0 ${y(tick)}H${width}"/>`,
      text(-6, y(tick) + 4, String(tick), `text-anchor="end"`),
    ]),
    ...xTicks.map((tick) =>
      text(x(tick), height + 17, String(tick), `text-anchor="middle"`)
    ),
    text(width / 2, height + 35, "idle sessions", `text-anchor="middle"`),
    ...lines.flatMap(({ label, style, value }, index) => [
      ...(lines.length > 1 ? [drawKey(label, style, index)] : []),
      ...series.map(({ points }, index) =>
        drawLine(points, style + (index > 0 ? " o" : ""), (point) => [
          x(point.sessions),
          y(value(point)),
        ])
      ),
    ]),
  ].join("\n");
}

function drawLine(
  points: readonly ScalePoint[],
  style: string,
  place: (point: ScalePoint) => [number, number],
): string {
  const idle = points.filter(({ busy }) => !busy).map(place);
  const busy = points.filter(({ busy }) => busy).map(place);
  return [
    `<g class="${style}">`,
    ...(idle.length > 0
      ? [`<path d="M${idle.map((at) => at.join(" ")).join("L")}"/>`]
      : []),
    ...idle.map(([x, y]) =>
      `<circle cx="${x}" cy="${y}" r="2" stroke-dasharray="none"/>`
    ),
    ...busy.map(([x, y]) =>
      `<rect x="${round(x - 4)}" y="${
        round(y - 4)
      }" width="8" height="8" stroke-dasharray="none"/>`
    ),
    "</g>",
  ].join("");
}

function drawKey(label: string, style: string, index: number): string {
  const x = PANEL.width - 90 + index * 50;
  return `<g class="${style}"><path d="M${x} -10h14"/></g>${
    text(x + 18, -6, label)
  }`;
}

function text(
  x: number,
  y: number,
  content: string,
  attributes = "",
): string {
  const more = attributes && ` ${attributes}`;
  return `<text x="${round(x)}" y="${round(y)}"${more}>${content}</text>`;
}

/**
 * Returns round numbers from 0 to beyond a value, at equal distances.
 *
 * @param max The value.
 */
export function niceTicks(max: number): number[] {
  if (!(max > 0)) return [0, 1];
  const rough = max / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power)
    .find((step) => step >= rough)!;
  const count = Math.ceil(max / step);
  return Array.from(
    { length: count + 1 },
    (_, index) => Number((index * step).toPrecision(6)),
  );
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
