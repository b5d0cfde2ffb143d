import { assertEquals, assertRejects } from "@std/assert";
import { ToolError } from "../packaging/_script.ts";
import { bounded } from "../tests/_bounded.ts";
import { Jobs } from "./jobs.ts";
import { measureAll, type Measurement, type Run } from "./run.ts";
import { CANNED } from "./subjects.ts";

function newRun(jobs: Jobs): Run {
  return {
    ...{ rounds: 1, idleSeconds: 1, jobs, folder: "/none" },
    ...{ rows: [], scale: [], skipped: [], failed: [] },
    subjects: {
      own: CANNED,
      binary: undefined,
      executable: undefined,
      peer: undefined,
    },
    progress: () => {},
  };
}

const FAILING: Measurement = {
  name: "failing",
  async measure({ jobs }) {
    await jobs.run(["/none"]);
  },
};
const FINE: Measurement = {
  name: "fine",
  async measure({ rows, jobs }) {
    const value = await jobs.run(["true"]);
    rows.push({ measurement: "fine", what: "true", unit: "ms", value });
  },
};

Deno.test(
  "measureAll() notes what fails, and goes on",
  bounded(async () => {
    await using jobs = new Jobs();
    const run = newRun(jobs);
    await measureAll(run, [FAILING, FINE]);
    assertEquals(run.rows.map(({ what }) => what), ["true"]);
    assertEquals(run.failed.map(({ what }) => what), ["failing"]);
  }),
);

Deno.test(
  "measureAll() ends with the run",
  bounded(async () => {
    const jobs = new Jobs();
    await jobs[Symbol.asyncDispose]();
    const run = newRun(jobs);
    await assertRejects(() => measureAll(run, [FINE, FAILING]), ToolError);
    assertEquals(run.failed, []);
  }),
);
