import { configure, type LogRecord, reset } from "@logtape/logtape";
import { assert, assertEquals } from "@std/assert";
import { RefusalLog } from "./refusal_log.ts";

Deno.test("RefusalLog() logs a flood as a few records and a number", async () => {
  const records: LogRecord[] = [];
  await configure({
    sinks: { test: (record) => void records.push(record) },
    loggers: [
      { category: "cocoon-agent", sinks: ["test"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["test"] },
    ],
  });
  try {
    const log = new RefusalLog("{unlogged} more");
    let refused = 0;
    const start = performance.now();
    // Over the turn of a second.
    while (performance.now() - start < 1100) {
      log.record("{peer} refused", { peer: `vsock 1:${refused++}` });
    }
    const counts = records.flatMap(({ properties }) =>
      typeof properties["unlogged"] === "number" ? properties["unlogged"] : []
    );
    const single = records.length - counts.length;
    assert(single <= 30, `${single} records`);
    assert(counts.length >= 1);
    const counted = counts.reduce((sum, count) => sum + count, 0);
    // What came since the last turn is counted at the next.
    assert(single + counted <= refused);
    assertEquals(records[0]!.properties["peer"], "vsock 1:0");
    log.summarize();
    log.summarize();
    const rest = Number(records.at(-1)!.properties["unlogged"]);
    assertEquals(single + counted + rest, refused);
  } finally {
    await reset();
  }
});
