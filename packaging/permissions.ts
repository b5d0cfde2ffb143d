/**
 * The Deno permissions that the agent and its client need: the one place that
 * says so, for the compiled binary and for the unit file that runs the source.
 *
 * @module
 */

import { LIBRARY_PATHS } from "../ffi/libc.ts";

/** Where `serve --audit-file` may keep its files; the unit files make it. */
const LOG_FOLDER = "/var/log/cocoon-agent";

/** A permission, with the reason for it. */
export interface Permission {
  /** The flag's name, without `--allow-`. */
  readonly name: "env" | "ffi" | "read" | "run" | "write";
  /** What it is for; without it, for everything of its kind. */
  readonly values?: readonly string[];
  /** Why the program needs it. */
  readonly reason: string;
}

/**
 * Returns the permissions that the program needs on an architecture.
 *
 * Not among them is the network: sockets are the C library's, and neither
 * AF_VSOCK nor a unix socket leads off the machine.
 *
 * @param arch The architecture.
 * @returns The permissions.
 */
export function permissions(
  arch: typeof Deno.build.arch,
): readonly Permission[] {
  return [
    {
      name: "ffi",
      values: LIBRARY_PATHS[arch],
      reason: "sockets, processes and entropy are the C library's, and nobody" +
        " else's code is loaded",
    },
    {
      name: "run",
      reason: "running what callers ask for is the agent's job;" +
        ' "serve --allow-run=…" narrows it for one guest',
    },
    {
      name: "env",
      reason: "commands inherit the agent's environment",
    },
    {
      name: "write",
      values: [
        "/etc/machine-id",
        "/etc/machine-id.new",
        "/var/lib/dbus/machine-id",
        "/var/lib/systemd/random-seed",
        LOG_FOLDER,
      ],
      reason: "reseed replaces the machine id, and removes D-Bus's copy of it" +
        " and the seed that was saved for the next boot;" +
        " serve --audit-file keeps its files in the folder",
    },
    {
      name: "read",
      values: ["/etc/machine-id.new", "/var/lib/dbus/machine-id"],
      reason: "renaming the first, and seeing whether the second is a link," +
        " count as reading them",
    },
  ];
}

/**
 * Formats permissions as flags of `deno`. A permission that is missing is an
 * error, and never a question on a terminal.
 *
 * @param granted The permissions.
 * @returns The flags.
 */
export function permissionFlags(granted: readonly Permission[]): string[] {
  const allowed = granted.map(({ name, values }) =>
    values === undefined
      ? `--allow-${name}`
      : `--allow-${name}=${values.join(",")}`
  );
  return ["--no-prompt", ...allowed];
}
