/**
 * File systems that never answer.
 *
 * @module
 */

import type { Agent } from "./_agent.ts";
import { SOURCES } from "./_program.ts";

const FOLDER = "dead";

/** What runs an agent that has a dead file system in its working directory. */
export const DEAD_MOUNT: readonly string[] = [
  ...[Deno.execPath(), "run", "--allow-all", "--quiet"],
  ...[`${SOURCES}tests/_dead_mount_program.ts`, FOLDER],
];

/**
 * Returns where an agent of {@linkcode DEAD_MOUNT} has its dead file system. To
 * everybody else the folder is empty.
 *
 * @param agent The agent.
 */
export function deadFolder(agent: Pick<Agent, "folder">): string {
  return `${agent.folder}/${FOLDER}`;
}

/** Tells whether such file systems can be had here: that takes root and FUSE. */
export function hasDeadMounts(): boolean {
  const cwd = Deno.makeTempDirSync({ prefix: "dead-" });
  try {
    const [program, ...args] = [...DEAD_MOUNT, "true"];
    return new Deno.Command(program!, { args, cwd, stderr: "null" })
      .outputSync().success;
  } finally {
    Deno.removeSync(cwd, { recursive: true });
  }
}
