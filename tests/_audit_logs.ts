/**
 * Files of audit records.
 *
 * @module
 */

import {
  type Agent,
  type AgentOptions,
  exists,
  type LogRecord,
  startAgent,
} from "./_agent.ts";

/** A folder for audit records. */
export class Logs implements Disposable {
  /** The folder. */
  readonly folder: string = Deno.makeTempDirSync({ prefix: "logs-" });
  /** The file. */
  readonly file = `${this.folder}/audit.jsonl`;

  /**
   * Returns the records in a file.
   *
   * @param path The file's path.
   */
  read(path = this.file): LogRecord[] {
    return (exists(path) ? Deno.readTextFileSync(path) : "").split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }

  /**
   * Returns the records in a file, but those of sessions' starts.
   *
   * @param path The file's path.
   */
  ends(path = this.file): LogRecord[] {
    return this.read(path).filter(({ event }) => event !== "start");
  }

  /**
   * Starts an agent that keeps them there.
   *
   * @param options More of its options.
   */
  async start(options: AgentOptions = {}): Promise<Agent> {
    return await startAgent({
      ...options,
      args: ["--audit-file", this.file, ...options.args ?? []],
      logFolder: this.folder,
    });
  }

  /** Removes the folder. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/**
 * Returns the permissions of a file.
 *
 * @param path The file's path.
 */
export function mode(path: string): number {
  return Deno.statSync(path).mode! & 0o777;
}
