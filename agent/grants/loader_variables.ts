/**
 * Variables that make any program run other code.
 *
 * @module
 */

/**
 * What the C library loads code or data from that it then trusts, besides `LD_*`;
 * see "Secure-execution mode" in ld.so(8).
 */
const NAMES: readonly string[] = ["GCONV_PATH", "LOCPATH"];

/**
 * Finds a variable by which a caller could have a granted program, or the tool
 * that changes the user before it does, run other code.
 *
 * @param names The names of the variables.
 * @returns The first such name, or `undefined`.
 */
export function findLoaderVariable(
  names: readonly string[],
): string | undefined {
  return names.find((name) => name.startsWith("LD_") || NAMES.includes(name));
}
