/**
 * Where the C library is, for programs that call more of it than the agent does.
 *
 * @module
 */

import { LIBRARY_PATHS } from "../ffi/libc.ts";

/** Returns the path of this machine's C library. */
export function libcPath(): string {
  const path = LIBRARY_PATHS[Deno.build.arch].find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
  if (path === undefined) throw new Error("There is no C library here");
  return path;
}
