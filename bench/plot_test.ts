import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { niceTicks, plotScale } from "./plot.ts";
import type { ScalePoint } from "./result.ts";

function point(sessions: number, busy = false): ScalePoint {
  return { sessions, busy, rss: 40 + sessions / 10, p50: 1.5, p99: 4, cpu: 0 };
}
const POINTS = [
  ...[0, 100, 250, 500, 1000].map((n) => point(n)),
  point(200, true),
];

Deno.test("niceTicks() reaches the largest value in few round steps", () => {
  assertEquals(niceTicks(1000), [0, 200, 400, 600, 800, 1000]);
  assertEquals(niceTicks(7.3), [0, 2, 4, 6, 8]);
  assertEquals(niceTicks(0.29), [0, 0.1, 0.2, 0.3]);
  assertEquals(niceTicks(0), [0, 1]);
  for (const max of [0.003, 1, 9.99, 123456]) {
    const ticks = niceTicks(max);
    assert(ticks.at(-1)! >= max && ticks.length <= 7, String(ticks));
  }
});

Deno.test("plotScale() draws each figure of each agent", () => {
  const svg = plotScale([
    { agent: "source", points: POINTS },
    { agent: "a & b", points: POINTS.slice(0, 1) },
  ]);
  // Four lines of the first agent with five points each, and one of the other.
  assertEquals(svg.match(/<circle /g)?.length, 4 * (5 + 1));
  assertEquals(svg.match(/<rect /g)?.length, 4);
  assertStringIncludes(svg, "source solid; a &amp; b dashed");
  assertStringIncludes(svg, "200 busy sessions");
  assertStringIncludes(svg, "prefers-color-scheme:dark");
  assert(!svg.includes("NaN") && !svg.includes("undefined"), svg);
  assert(svg.length < 10_000, `It is ${svg.length} bytes long`);
});

Deno.test("plotScale() puts larger figures higher, within the panel", () => {
  const svg = plotScale([{ agent: "source", points: POINTS }]);
  const [, path] = svg.match(/<path d="M([\d .L]+)"\/><circle/)!;
  const places = path!.split("L").map((place) => place.split(" ").map(Number));
  assertEquals(places.map(([x]) => x), [0, 25, 62.5, 125, 250]);
  const heights = places.map(([, y]) => y!);
  assertEquals(heights, heights.toSorted((a, b) => b - a));
  assert(heights.every((y) => y >= 0 && y <= 170), String(heights));
});
