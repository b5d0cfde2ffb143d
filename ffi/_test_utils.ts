import { assert, assertEquals } from "@std/assert";
import type { Child } from "./child.ts";
import { landlockAbi } from "./landlock.ts";
import { bindAll } from "./libc.ts";
import { openPipe, type Pipe } from "./pipe.ts";
import { spawn, type SpawnOptions } from "./process.ts";

// Opened once and for good, so no single test may be blamed for it.
bindAll();

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

/** Runs a script by the shell. */
export function shell(
  script: string,
  options: Partial<SpawnOptions> = {},
): Child {
  return spawn({
    program: "/bin/sh",
    argv: ["sh", "-c", script],
    env: { PATH: "/usr/bin:/bin" },
    ...options,
  });
}

/** A terminal as {@linkcode shell} takes it. */
export const ON_TERMINAL = {
  terminal: { rows: 24, cols: 80 },
} as const;

/** Tells whether a process runs. */
export function alive(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !stat.includes(") Z ");
  } catch {
    return false;
  }
}

/** Tells whether this machine's kernel has Landlock. */
export function hasLandlock(): boolean {
  try {
    return landlockAbi() > 0;
  } catch {
    return false;
  }
}

/** Reads a stream's text bit by bit. */
export class TextReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** Returns the first match, which must come, and drops what is before it. */
  async until(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const match = this.#text.match(pattern);
      if (match) {
        this.#text = this.#text.slice(match.index! + match[0].length);
        return match;
      }
      if (!await this.#readMore()) {
        throw new Error(
          `No match for ${pattern} in ${JSON.stringify(this.#text)}`,
        );
      }
    }
  }

  /** Returns the rest, up to the stream's end. */
  async rest(): Promise<string> {
    while (await this.#readMore());
    return this.#text;
  }

  async #readMore(): Promise<boolean> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#reader.cancel();
    }, 30_000);
    const { done, value } = await this.#reader.read();
    clearTimeout(timer);
    // A hang must become a failure.
    if (late) throw new Error(`No end after ${JSON.stringify(this.#text)}`);
    if (!done) this.#text += this.#decoder.decode(value, { stream: true });
    return !done;
  }
}

/** Returns or sets a terminal's modes, in stty(1)'s own words. */
export async function stty(path: string, ...args: string[]): Promise<string> {
  const { stdout, success } = await new Deno.Command("stty", {
    args: ["-F", path, ...args],
  }).output();
  assert(success);
  return new TextDecoder().decode(stdout);
}
