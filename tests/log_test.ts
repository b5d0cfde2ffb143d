import { startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import { lacks } from "./_tools.ts";
import { fillLog } from "./faults/unread_log.ts";

/** Makes standard error non-blocking, as others do to what they share. */
const NON_BLOCKING = [
  ...["python3", "-c"],
  "import os, sys; os.set_blocking(2, False); os.execvp(sys.argv[1], sys.argv[1:])",
];

Deno.test({
  name: "serve goes on with its log when a pipe was full that is non-blocking",
  ignore: lacks("python3"),
  fn: bounded(async () => {
    await using agent = await startAgent({ prefix: NON_BLOCKING });
    agent.holdLog();
    await fillLog(agent);
    agent.readLogOn();
    await agent.waitForRecord(({ dropped }) => typeof dropped === "number");
    await agent.exec(["true"]);
    await agent.waitForRecord(({ argv }) => String(argv) === "true");
  }),
});
