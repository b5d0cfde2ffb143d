/**
 * The policy file, and what was last read from it.
 *
 * @module
 */

import { readTrustedFile } from "../../ffi/trusted_file.ts";
import { Policy, PolicyError } from "./policy.ts";
import { parsePolicy } from "./policy_document.ts";

/** Nobody writes a larger one by hand, in bytes. */
const MAX_BYTES = 256 * 1024;

/**
 * Reads a policy file.
 *
 * @param path The file's path.
 * @param searchPath Where rules' names of programs are looked up.
 * @returns The policy.
 * @throws {PolicyError} If the file cannot be read or trusted, or isn't a policy; the
 * message names it and says where in it the fault is.
 */
export function readPolicy(path: string, searchPath?: string): Policy {
  try {
    const bytes = readTrustedFile(path, MAX_BYTES);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return new Policy(parsePolicy(text), searchPath);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PolicyError(
      `Cannot use the policy in ${JSON.stringify(path)}: ${reason}`,
      { cause },
    );
  }
}

/** The policy that a file holds, as it was when it was last read. */
export class PolicyFile {
  /** The file's path. */
  readonly path: string;
  readonly #searchPath: string | undefined;
  #current: Policy;

  /**
   * Reads the file.
   *
   * @param path The file's path.
   * @param searchPath Where rules' names of programs are looked up.
   * @throws {PolicyError} As {@linkcode readPolicy} does.
   */
  constructor(path: string, searchPath?: string) {
    this.path = path;
    this.#searchPath = searchPath;
    this.#current = readPolicy(path, searchPath);
  }

  /** The policy that is in force. */
  get current(): Policy {
    return this.#current;
  }

  /**
   * Reads the file again. A file with a fault leaves the policy as it was.
   *
   * @throws {PolicyError} As {@linkcode readPolicy} does.
   */
  reload(): void {
    this.#current = readPolicy(this.path, this.#searchPath);
  }
}
