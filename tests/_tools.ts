/**
 * Programs that some tests need, and that not every machine has.
 *
 * @module
 */

import { findProgram } from "../ffi/program.ts";

/**
 * Returns whether this machine lacks a program.
 *
 * @param names The programs.
 */
export function lacks(...names: readonly string[]): boolean {
  return names.some((name) => {
    try {
      findProgram(name, Deno.env.get("PATH"));
      return false;
    } catch {
      return true;
    }
  });
}
