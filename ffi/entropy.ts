/**
 * The kernel's random number generator, see random(4).
 *
 * @module
 */

import {
  O_WRONLY,
  RAND_POOL_INFO,
  RNDADDENTROPY,
  RNDRESEEDCRNG,
} from "./abi.ts";
import { OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { errno, libc } from "./libc.ts";

const DEVICE = "/dev/urandom";

/**
 * Mixes bytes into the kernel's entropy pool and credits each with eight bits.
 *
 * @param data The bytes, which must be secret and random.
 * @throws {OsError} If the device cannot be opened or the kernel refuses, with
 * `EPERM` without CAP_SYS_ADMIN.
 */
export function addEntropy(data: Uint8Array): void {
  const info = new Uint8Array(RAND_POOL_INFO.buffer + data.byteLength);
  const view = new DataView(info.buffer);
  view.setInt32(RAND_POOL_INFO.entropyCount, data.byteLength * 8, true);
  view.setInt32(RAND_POOL_INFO.bufferSize, data.byteLength, true);
  info.set(data, RAND_POOL_INFO.buffer);
  try {
    control(RNDADDENTROPY, info, "add entropy to");
  } finally {
    // Entropy is used once: this copy at least doesn't stay in memory.
    info.fill(0);
  }
}

/**
 * Reseeds the kernel's generator from its pool at once, instead of within the
 * next minute.
 *
 * @throws {OsError} If the device cannot be opened or the kernel refuses, with
 * `EPERM` without CAP_SYS_ADMIN.
 */
export function reseedGenerator(): void {
  control(RNDRESEEDCRNG, null, "reseed");
}

/**
 * Draws bytes from the kernel's generator, see getrandom(2).
 *
 * `crypto.getRandomValues()` is no substitute after a snapshot was restored: it
 * draws from a generator in this process's memory, which every clone of the
 * snapshot shares.
 *
 * @param size How many bytes, at most 256.
 * @returns The bytes.
 * @throws {OsError} If the kernel refuses.
 */
export function kernelRandom(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  if (libc().getrandom(bytes, BigInt(size), 0) < 0) {
    throw new OsError(errno(), "draw random bytes");
  }
  return bytes;
}

function control(
  request: number,
  argument: Uint8Array<ArrayBuffer> | null,
  verb: string,
): void {
  using device = Fd.open(DEVICE, O_WRONLY);
  if (libc().ioctl(device.number, BigInt(request), argument) < 0) {
    throw new OsError(errno(), `${verb} ${DEVICE}`);
  }
}
