/**
 * Commands on a file system that never answers.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { DEAD_MOUNT, deadFolder, hasDeadMounts } from "../_dead_mount.ts";
import type { Wire } from "../_wire.ts";
import type { Fault } from "./_fault.ts";

/** More than the agent lets wait for file systems. */
const COMMANDS = 20;

/** A file system whose server is gone, below which callers want to run commands. */
export const DEAD_FILE_SYSTEM: Fault = {
  name: "a file system that never answers, for commands and their folders",
  agent: { prefix: DEAD_MOUNT },
  asRoot: true,
  lacks: () => hasDeadMounts() ? undefined : "FUSE",
  inject: async (agent) => {
    const dead = deadFolder(agent);
    const requests = [
      { type: "exec", argv: ["true"], cwd: dead },
      { type: "exec", argv: [`${dead}/true`] },
      { type: "exec", argv: ["true"], env: { PATH: `${dead}:/usr/bin` } },
    ];
    const wires: Wire[] = [];
    for (let index = 0; index < COMMANDS; index++) {
      wires.push(await agent.open(requests[index % requests.length]!));
    }
    const counts: Record<string, number> = {};
    for (const wire of wires) {
      using _ = wire;
      const { end } = await wire.readSession();
      assertEquals(end["type"], "error");
      const code = String(end["code"]);
      counts[code] = (counts[code] ?? 0) + 1;
    }
    assertEquals(Object.keys(counts).sort(), ["busy", "timeout"]);
    return `of ${COMMANDS} commands ${
      counts["timeout"]
    } ended by \`timeout\`, ${counts["busy"]} by \`busy\`; the agent went on`;
  },
};
