import { assert, assertRejects, assertThrows } from "@std/assert";
import { ToolError } from "../packaging/_script.ts";
import { bounded, until } from "../tests/_bounded.ts";
import { membersOf } from "../tests/_proc.ts";
import { Jobs } from "./jobs.ts";

Deno.test(
  "Jobs ends what a process has started, too",
  bounded(async () => {
    const jobs = new Jobs();
    const { pid } = jobs.start(["sh", "-c", "sleep 100 & sleep 100; true"]);
    await until(() => membersOf(pid).length === 3, "the processes to start");
    await jobs[Symbol.asyncDispose]();
    // A signal takes a moment.
    await until(() => membersOf(pid).length === 0, "the processes to end");
    assertThrows(() => jobs.start(["true"]), ToolError, "the run is over");
  }),
);

Deno.test(
  "Jobs.run() takes as long as the command, and throws when it fails",
  bounded(async () => {
    await using jobs = new Jobs();
    assert(await jobs.run(["true"]) > 0);
    await assertRejects(() => jobs.run(["false"]), ToolError, "failed with 1");
    await assertRejects(() => jobs.run(["/none"]), ToolError, '"/none"');
  }),
);
