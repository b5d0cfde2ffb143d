import { assertEquals } from "@std/assert";
import { libc } from "./libc.ts";
import { openPipe, type Pipe } from "./pipe.ts";

// Opened once and for good, so no single test may be blamed for it.
libc();

/** Lists this process's open descriptors, without the one that lists them. */
export function openFds(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")]
    .map(({ name }) => {
      try {
        return `${name} ${Deno.readLinkSync(`/proc/self/fd/${name}`)}`;
      } catch {
        return "";
      }
    })
    .filter((entry) => entry !== "" && !entry.includes("/proc/"))
    .sort();
}

/**
 * Runs a function and checks that it leaves no descriptor open. The readiness
 * loop closes its own once it has seen that nothing is registered.
 */
export async function withoutFdLeaks(fn: () => Promise<void>): Promise<void> {
  const before = openFds();
  await fn();
  await until(() => openFds().length <= before.length, 2000).catch(() => {});
  assertEquals(openFds(), before);
}

/** Waits for something to hold that raises no event. */
export async function until(
  condition: () => boolean,
  timeout: number,
): Promise<void> {
  const deadline = Date.now() + timeout;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("The condition never held");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A pipe with both ends in this process. */
export function disposablePipe(direction: "in" | "out"): Pipe & Disposable {
  const pipe = openPipe(direction);
  return {
    ...pipe,
    [Symbol.dispose]() {
      pipe.own.close();
      pipe.child.close();
    },
  };
}
