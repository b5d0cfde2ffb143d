/**
 * Folders of file systems that never answer.
 *
 * @module
 */

import { SOURCES } from "./_program.ts";

/** A folder that is a dead file system to one program, and empty to all others. */
export class DeadMount implements Disposable {
  /** The folder's path. */
  readonly path: string = Deno.makeTempDirSync({ prefix: "dead-" });

  /** What runs the program, in front of its own command line. */
  get prefix(): string[] {
    const script = `${SOURCES}tests/_dead_mount_program.ts`;
    return [Deno.execPath(), "run", "--allow-all", script, this.path];
  }

  /** Tells whether such file systems can be had here: that takes root and FUSE. */
  static get supported(): boolean {
    using mount = new DeadMount();
    const [program, ...args] = [...mount.prefix, "true"];
    return new Deno.Command(program!, { args, stderr: "null" }).outputSync()
      .success;
  }

  /** Removes the folder. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.path);
  }
}
