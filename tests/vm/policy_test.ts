import { assertEquals, assertStringIncludes } from "@std/assert";
import { AgentError, output } from "../../client/mod.ts";
import { until } from "../_bounded.ts";
import { text } from "../_wire.ts";
import { bootFiles, Guest, withGuests } from "./_guest.ts";
import { asUser, SecondAgent } from "./_second_agent.ts";
import { sh } from "./_shell.ts";

const LOGS = "/var/log/cocoon-agent";
const POLICY = {
  version: 1,
  rules: [
    { name: "host", effect: "allow", programs: ["id"], args: ["*"], cids: [2] },
    { name: "all", effect: "allow", programs: ["id"], cids: [1, 2] },
  ],
};

Deno.test(
  "The agent tells callers apart by CID, and survives a full disk for its records, in a guest",
  withGuests(async (t) => {
    using files = await bootFiles();
    await using guest = await Guest.boot(files);
    const { target } = guest;
    await sh(
      target,
      `umask 022; printf %s "$1" >/policy.json; mkdir -p ${LOGS} &&
       mount -t tmpfs -o size=64k,mode=700 tmpfs ${LOGS}`,
      JSON.stringify(POLICY),
    );
    await using agent = await SecondAgent.start(
      guest,
      "root",
      ...["--port", "2000", "--allow-cid", "1", "--policy", "/policy.json"],
      ...["--audit-file", `${LOGS}/audit.jsonl`],
    );
    assertStringIncludes(await agent.nextMessage(), "policy: /policy.json");
    const second = { ...target, port: 2000 };

    /** Returns the rules of the records in the file. */
    const rules = async () =>
      (await sh(target, `cat ${LOGS}/audit.jsonl`)).split("\n")
        .map((line) => JSON.parse(line))
        .filter(({ event }) => event === "end")
        .map(({ rule }) => rule);
    /** Waits for the agent's next message of a kind. */
    const message = async (part: string) => {
      for (;;) {
        const text = await agent.nextMessage();
        if (text.includes(part)) return text;
      }
    };

    await t.step("it lets the host do more than another CID", async () => {
      for (const argv of [["id", "-u"], ["id"]]) {
        assertEquals((await output(second, argv)).code, 0);
        await message("ended: exec id");
      }
      const local = ["client", "--cid", "1", "--port", "2000", "--", "id"];
      const allowed = await output(target, asUser("nobody", ...local));
      assertStringIncludes(text(allowed.stdout), "uid=0");
      await message("ended: exec id");
      const denied = await output(target, asUser("nobody", ...local, "-u"));
      assertEquals(denied.code, 126);
      assertStringIncludes(text(denied.stderr), "it is not for CID 1");
      await message("denied");
      try {
        await output(second, ["ls"]);
        throw new Error("ls ran");
      } catch (error) {
        if (!(error instanceof AgentError)) throw error;
        assertEquals(error.code, "denied");
      }
      await message("denied");
      assertEquals(await rules(), [
        ...["host", "all", "all", undefined, undefined],
      ]);
      const modes = await sh(target, `stat -c %a ${LOGS}/audit.jsonl`);
      assertEquals(modes, "600");
    });

    await t.step("it serves on when the disk is full", async () => {
      await sh(target, `dd if=/dev/zero of=${LOGS}/fill bs=4k || true`);
      for (let count = 0; count < 20; count++) {
        const { code } = await output(second, ["id", "-u"]);
        assertEquals(code, 0);
      }
      assertStringIncludes(
        await message("missing in the audit file"),
        "No space left on device",
      );
    });

    await t.step("it keeps records when there is room again", async () => {
      await sh(target, `rm ${LOGS}/fill`);
      await output(second, ["id"]);
      await until(
        async () =>
          (await sh(target, `tail -n 1 ${LOGS}/audit.jsonl`))
            .includes('"rule":"all"'),
        "the record",
      );
    });
  }),
);
