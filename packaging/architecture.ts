/**
 * The architectures that the agent is built for.
 *
 * @module
 */

import { UsageError } from "../cli/command.ts";

/** What an architecture is called by the tools. */
export interface Architecture {
  /** Its name in Debian. */
  readonly debian: "amd64" | "arm64";
  /** Its name in `Deno.build.arch`. */
  readonly deno: typeof Deno.build.arch;
  /** What `deno compile --target` calls it. */
  readonly target: string;
  /** Its number in the header of an ELF file, see elf(5) on `e_machine`. */
  readonly machine: number;
}

/** All of them. */
export const ARCHITECTURES: readonly Architecture[] = [
  {
    debian: "amd64",
    deno: "x86_64",
    target: "x86_64-unknown-linux-gnu",
    machine: 62,
  },
  {
    debian: "arm64",
    deno: "aarch64",
    target: "aarch64-unknown-linux-gnu",
    machine: 183,
  },
];

/**
 * Finds an architecture by one of its names.
 *
 * @param key Whose name it is.
 * @param name The name; this machine's architecture by default.
 * @returns The architecture.
 * @throws {UsageError} If the agent isn't built for it.
 */
export function findArchitecture(
  key: "debian" | "target",
  name?: string,
): Architecture {
  const found = ARCHITECTURES.find((architecture) =>
    name === undefined
      ? architecture.deno === Deno.build.arch
      : architecture[key] === name
  );
  if (found === undefined) {
    const names = ARCHITECTURES.map((architecture) => architecture[key]);
    throw new UsageError(
      `Cannot build for "${name ?? Deno.build.arch}": it must be ${
        names.join(" or ")
      }`,
    );
  }
  return found;
}

/**
 * Returns where the binary for an architecture is put by default.
 *
 * @param architecture The architecture.
 * @returns `dist/cocoon-agent` for this machine's, and with the Debian name of
 * the architecture at its end for another.
 */
export function binaryPath(architecture: Architecture): string {
  return architecture.deno === Deno.build.arch
    ? "dist/cocoon-agent"
    : `dist/cocoon-agent-${architecture.debian}`;
}
