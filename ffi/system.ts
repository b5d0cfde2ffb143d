/**
 * Facts about this process and its machine.
 *
 * @module
 */

import { CLOCK_BOOTTIME, O_RDONLY, TIMESPEC } from "./abi.ts";
import { OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { errno, libc } from "./libc.ts";

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
  using file = Fd.open("/proc/sys/kernel/random/boot_id", O_RDONLY);
  const bytes = new Uint8Array(64);
  const count = file.tryRead(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, count)).trim();
}
