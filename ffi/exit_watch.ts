/**
 * Being told that a child process has ended.
 *
 * @module
 */

import { SYS_pidfd_open } from "./abi.ts";
import { AsyncFd } from "./async_fd.ts";
import { OsError } from "./errno.ts";
import { libc } from "./libc.ts";

/** How often a child is looked at where the kernel cannot tell, in milliseconds. */
const INTERVAL = 50;

/**
 * Watches a child by pidfd_open(2). A child runs when this begins, so that nothing
 * here may fail: where there is no descriptor left, or the kernel has or allows no
 * such call, the child is looked at every 50 ms.
 */
export class ExitWatch {
  #pidfd: AsyncFd | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looked: PromiseWithResolvers<void> | undefined;

  /**
   * @param pid The child.
   */
  constructor(pid: number) {
    const result = libc().syscall(BigInt(SYS_pidfd_open), pid, 0);
    if (result >= 0) this.#pidfd = new AsyncFd(result);
  }

  /**
   * Waits until it is time to look at the child.
   *
   * @returns A promise that resolves when the child has ended, or may have, or the
   * watch was closed.
   */
  async due(): Promise<void> {
    if (this.#pidfd !== undefined) {
      try {
        return await this.#pidfd.readable();
      } catch (error) {
        if (!(error instanceof OsError)) throw error;
        // Nothing more can be watched.
        this.#pidfd.close();
        this.#pidfd = undefined;
      }
    }
    this.#looked = Promise.withResolvers();
    this.#timer = setTimeout(this.#looked.resolve, INTERVAL);
    await this.#looked.promise;
  }

  /** Ends the watch. */
  close(): void {
    this.#pidfd?.close();
    clearTimeout(this.#timer);
    this.#looked?.resolve();
  }
}
