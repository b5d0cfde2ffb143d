/**
 * Facts about this process and its machine.
 *
 * @module
 */

import { CLOCK_BOOTTIME, TIMESPEC } from "./abi.ts";
import { OsError } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import { readText } from "./read_file.ts";

/**
 * Returns the effective user id of this process, see geteuid(2).
 *
 * @returns The user id, 0 for root.
 */
export function effectiveUserId(): number {
  return libc().geteuid();
}

/**
 * Returns how long the machine has been up, suspension included; see
 * `CLOCK_BOOTTIME` in clock_gettime(2).
 *
 * @returns Milliseconds.
 * @throws {OsError} If the kernel has no such clock.
 */
export function uptime(): number {
  const time = new BigInt64Array(TIMESPEC.size / 8);
  if (libc().clock_gettime(CLOCK_BOOTTIME, time) < 0) {
    throw new OsError(errno(), "read the time since boot");
  }
  const seconds = time[TIMESPEC.seconds / 8]!;
  const nanoseconds = time[TIMESPEC.nanoseconds / 8]!;
  return Number(seconds) * 1000 + Math.floor(Number(nanoseconds) / 1e6);
}

/**
 * Returns the id that the kernel drew at boot; see random(4) on
 * `/proc/sys/kernel/random/boot_id`.
 *
 * @returns A UUID.
 * @throws {OsError} If /proc isn't there.
 */
export function bootId(): string {
  return readText("/proc/sys/kernel/random/boot_id", 64).trim();
}
