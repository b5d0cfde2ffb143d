/**
 * Which programs callers may run.
 *
 * @module
 */

import { findProgram } from "../../ffi/program.ts";
import { findLoaderVariable } from "./loader_variables.ts";

/** Thrown when what a caller asked for isn't granted. */
export class DeniedError extends Error {
  override readonly name = "DeniedError";
}

/**
 * The programs that may be run: what Deno's own run permission allows,
 * narrowed by the list that the agent was started with.
 *
 * A grant bounds what a caller can run directly. It does not bound what a
 * granted program runs in its turn: whoever grants `sh` grants everything, unless
 * the kernel is asked to hold the grants, see `confinement.ts`.
 */
export class Grants {
  readonly #programs: readonly string[] | undefined;
  readonly #searchPath: string | undefined;

  /**
   * @param programs The names and paths of the programs that may be run, or
   * `undefined` to leave it to Deno's permission alone.
   * @param searchPath Where names are looked up: the agent's own PATH, never
   * the caller's.
   */
  constructor(programs?: readonly string[], searchPath?: string) {
    this.#programs = programs;
    this.#searchPath = searchPath;
  }

  /** Whether only some programs may be run. */
  get restricted(): boolean {
    return this.#programs !== undefined ||
      Deno.permissions.querySync({ name: "run" }).state !== "granted";
  }

  /** Describes the grants, as logs name them. */
  toString(): string {
    if (!this.restricted) return "any";
    return this.#programs?.join(", ") ?? "those of deno's --allow-run";
  }

  /**
   * Checks that a program may be run with these variables.
   *
   * @param program The program's file, as `findProgram` returns it: with the
   * links in its folder resolved, because Deno compares paths literally.
   * @param variables The names of the variables that the caller sets.
   * @throws {DeniedError} If it may not; the message names the flag that would
   * allow it.
   */
  check(program: string, variables: readonly string[]): void {
    const query = { name: "run", command: program } as const;
    if (Deno.permissions.querySync(query).state !== "granted") {
      throw new DeniedError(
        `"${program}" isn't granted; start the agent under "deno run --allow-run=${program}" to allow it`,
      );
    }
    if (!this.#allows(program)) {
      throw new DeniedError(
        `"${program}" isn't granted; start the agent with "serve --allow-run=${program}" to allow it`,
      );
    }
    const loaded = findLoaderVariable(variables);
    if (loaded !== undefined && this.restricted) {
      throw new DeniedError(
        `variable "${loaded}" could make it run other code; start the agent with an unrestricted --allow-run to allow it`,
      );
    }
  }

  #allows(program: string): boolean {
    return this.#programs?.some((granted) => {
      try {
        return findProgram(granted, this.#searchPath) === program;
      } catch {
        // Not installed, now: it may be by the next time.
        return false;
      }
    }) ?? true;
  }
}
