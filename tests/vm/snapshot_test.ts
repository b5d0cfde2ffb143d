import { assertEquals, assertMatch } from "@std/assert";
import { reseed, spawn, waitForAgent } from "../../client/mod.ts";
import { until } from "../_bounded.ts";
import { randomBytes } from "../_wire.ts";
import { bootFiles, Guest, withGuests } from "./_guest.ts";

/** How long a restored guest may take to answer, in milliseconds. */
const RESTORE_TIMEOUT = 20_000;

const BOOT_ID = "cat /proc/sys/kernel/random/boot_id";

Deno.test(
  "Clones of a snapshot serve on, and each gets a machine id of its own",
  withGuests(async (t) => {
    using files = await bootFiles();
    const state = `${files.folder}/state`;
    let boot = "";
    let agent = "";
    let child = 0;

    await t.step("a guest is saved while it serves a session", async () => {
      await using guest = await Guest.boot(files);
      boot = await guest.sh(BOOT_ID);
      agent = await guest.sh("pidof cocoon-agent");
      await using session = await spawn(guest.target, ["sleep", "1000"]);
      child = session.pid;
      await guest.machine.save(state);
    });

    const ids = new Set<string>();
    for (const cid of [7, 8]) {
      await t.step(`a clone with the CID ${cid} serves on`, async () => {
        await using guest = await Guest.reach(
          files,
          { state, cid },
          (target) => waitForAgent(target, RESTORE_TIMEOUT),
        );
        // It was restored, and not booted, and the agent in it is the old one.
        assertEquals(await guest.sh(BOOT_ID), boot);
        assertEquals(await guest.sh("pidof cocoon-agent"), agent);
        // The session did not survive, nor did its command.
        await until(
          async () =>
            !(await guest.trySh("[ -d /proc/$1 ]", `${child}`)).success,
          "the end of the command",
        );

        await reseed(guest.target, {
          entropy: randomBytes(512),
          regenMachineId: true,
        });
        const id = await guest.sh("cat /etc/machine-id");
        assertMatch(id, /^[0-9a-f]{32}$/);
        ids.add(id);
      });
    }
    assertEquals(ids.size, 2);
  }),
);
