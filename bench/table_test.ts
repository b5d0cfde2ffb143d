import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Result, Row } from "./result.ts";
import { formatColumns, formatResult, formatValue } from "./table.ts";

const ROW: Row = {
  measurement: "exec",
  what: "exec of true, p50",
  unit: "ms",
  value: 1.5,
  bound: { what: "spawn", value: 0.5 },
};

function result(more: Partial<Result>): Result {
  return {
    date: "2001-02-03T04:05:06.000Z",
    version: "1.2.3",
    machine: { cores: 2 },
    rounds: 5,
    agents: { source: "the source" },
    rows: [],
    scale: [],
    skipped: [],
    failed: [],
    ...more,
  };
}

Deno.test("formatValue() gives three figures where that says something", () => {
  assertEquals(formatValue(0.1234, "ms"), "0.123");
  assertEquals(formatValue(1.234, "ms"), "1.23");
  assertEquals(formatValue(12.34, "ms"), "12.3");
  assertEquals(formatValue(1234.5, "MiB/s", { withUnit: true }), "1235 MiB/s");
  assertEquals(formatValue(900.2, "1/s", { withUnit: true }), "900/s");
  assertEquals(formatValue(1.26, "MB", { withUnit: true }), "1.3 MB");
  assertEquals(formatValue(0, "wakeups", { withUnit: true }), "0");
  assertEquals(formatValue(0, "ms", { withUnit: true }), "0 ms");
});

Deno.test("formatColumns() puts numbers below each other by their ends", () => {
  assertEquals(
    formatColumns([
      ["", "ratio", "bound"],
      ["a", "10.00x", "x"],
      ["long", "–", "longer"],
    ]),
    ["       ratio  bound", "a     10.00x  x", "long       –  longer"],
  );
});

Deno.test("formatResult() says of each row how it stands", () => {
  const text = formatResult(result({
    rows: [{
      ...ROW,
      others: [{ what: "peer", value: 2 }],
      targets: [{ goal: "≤ 1.6x", reached: false }, {
        goal: "≤ 0.8 peer",
        reached: true,
      }],
      ceiling: 0.1,
    }],
  }));
  assertStringIncludes(text, "cocoon-agent 1.2.3, 2001-02-03, median of 5");
  assertMatch(
    text,
    /^exec of true, p50 +3.00x +1.50 ms +spawn 0.500 +≤ 1.6x: NO, ≤ 0.8 peer: yes +peer 2$/m,
  );
  assertStringIncludes(text, "  exec of true, p50: 0.100 ms");
});

Deno.test("formatResult() marks what a row lacks", () => {
  const { bound: _, ...row } = ROW;
  const text = formatResult(result({ rows: [row] }));
  assertMatch(text, /^exec of true, p50 +– +1.50 ms +– +– +–$/m);
});

Deno.test("formatResult() tells what wasn't measured or failed, and of many sessions", () => {
  const text = formatResult(result({
    rounds: 1,
    skipped: [{ what: "OpenSSH", reason: "not installed" }],
    failed: [{ what: "exec", reason: "it ended" }],
    scale: [{
      agent: "source",
      points: [
        { sessions: 250, busy: false, rss: 55, p50: 1.5, p99: 3, cpu: 0 },
        { sessions: 200, busy: true, rss: 60, p50: 2.5, p99: 5, cpu: 12.34 },
      ],
    }],
  }));
  assertStringIncludes(text, "median of one round");
  assertStringIncludes(text, "Not measured:\n  OpenSSH: not installed");
  assertStringIncludes(text, "Failed:\n  exec: it ended");
  assertMatch(text, /^source, 250 idle sessions +55.0 MB +1.50 ms/m);
  assertMatch(text, /^source, 200 busy sessions .* 12.3%$/m);
});
