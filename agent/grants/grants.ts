/**
 * Which programs callers may run.
 *
 * @module
 */

import { OsError } from "../../ffi/errno.ts";
import { lookUpProgram } from "../../ffi/program.ts";
import {
  type AskedProgram,
  findGranted,
  lastComponent,
} from "./asked_program.ts";
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
  /** Whether Deno's permission is for any program, which no list could widen. */
  readonly #denoGrantsAny =
    Deno.permissions.querySync({ name: "run" }).state === "granted";

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
    return this.#programs !== undefined || !this.#denoGrantsAny;
  }

  /** Describes the grants, as logs name them. */
  toString(): string {
    if (!this.restricted) return "any";
    return this.#programs?.join(", ") ?? "those of deno's --allow-run";
  }

  /**
   * Refuses what cannot be granted, without asking the system for anything: a name
   * that no granted program has, and variables that would make one run other code.
   *
   * @param name The program, as the caller names it.
   * @param variables The variables that the caller sets, by name.
   * @throws {DeniedError} If the command cannot be granted; the message names the
   * flag that would allow it.
   */
  checkWords(name: string, variables: Readonly<Record<string, string>>): void {
    if (!this.restricted) return;
    const last = lastComponent(name);
    if (!(this.#programs?.some((one) => lastComponent(one) === last) ?? true)) {
      throw this.#denied(name);
    }
    const fault = findLoaderVariable(variables);
    if (fault === undefined) return;
    throw new DeniedError(
      `${fault}; start the agent with an unrestricted --allow-run to allow it`,
    );
  }

  /**
   * Checks that a program may be run. One that wasn't found is refused as if it
   * were another one, unless the caller named it just as it is granted: whoever may
   * not run a program isn't told whether it is there.
   *
   * @param program The program. Its file has the links in its folder resolved,
   * because Deno compares paths literally.
   * @throws {DeniedError} If it may not be run; the message names the flag that
   * would allow it.
   */
  async check(program: AskedProgram): Promise<void> {
    if (!this.restricted) return;
    const { name, candidates, file } = program;
    const files = file === undefined ? candidates : [file];
    if (!files.some((path) => this.#denoGrants(path))) {
      throw new DeniedError(
        `"${name}" isn't granted; start the agent under "deno run --allow-run=${name}" to allow it`,
      );
    }
    const allowed = file === undefined
      ? this.#programs?.some((granted) =>
        granted === name || candidates.includes(granted)
      )
      : await this.#lists(file);
    if (!(allowed ?? true)) throw this.#denied(name);
  }

  #denied(name: string): DeniedError {
    return new DeniedError(
      `"${name}" isn't granted; start the agent with "serve --allow-run=${name}" to allow it`,
    );
  }

  #denoGrants(command: string): boolean {
    return this.#denoGrantsAny ||
      Deno.permissions.querySync({ name: "run", command }).state === "granted";
  }

  async #lists(file: string): Promise<boolean | undefined> {
    if (this.#programs === undefined) return undefined;
    const last = lastComponent(file);
    for (const granted of this.#programs) {
      // Most aren't, and need no looking up.
      if (lastComponent(granted) !== last) continue;
      if (await findGranted(granted, this.#searchPath) === file) return true;
    }
    return false;
  }

  /**
   * Looks for programs that are granted in vain.
   *
   * @returns What whoever has granted them should know, a sentence each.
   */
  async warnings(): Promise<string[]> {
    const warnings: string[] = [];
    for (const granted of this.#programs ?? []) {
      const name = JSON.stringify(granted);
      try {
        const { path } = await lookUpProgram(granted, this.#searchPath);
        await this.check({ name: granted, candidates: [], file: path });
      } catch (error) {
        if (error instanceof DeniedError) {
          warnings.push(`--allow-run grants ${name} in vain: ${error.message}`);
        } else if (error instanceof OsError) {
          warnings.push(
            `--allow-run grants ${name}, which cannot be run now: ${error.reason}`,
          );
        } else throw error;
      }
    }
    return warnings;
  }
}
