/**
 * This process's memory.
 *
 * @module
 */

import { libc } from "./libc.ts";

/**
 * Gives the kernel back what the C library keeps of freed memory, see
 * malloc_trim(3).
 */
export function trimMalloc(): void {
  libc().malloc_trim(0n);
}
