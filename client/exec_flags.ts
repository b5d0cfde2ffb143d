/**
 * The flags of the `client` command.
 *
 * @module
 */

import { type Flag, UsageError } from "../cli/command.ts";
import type { ParsedFlags } from "../cli/parse_flags.ts";
import { parseResourceLimits } from "../cli/parse_resource_limits.ts";
import { InputError } from "./failure.ts";
import type { Placement } from "./spawn.ts";

/** The escape character where nobody says another one. */
const DEFAULT_ESCAPE = "~";

/** The highest number that a descriptor can have. */
const MAX_FD = 0x7fffffff;

/** The flags for a command, its terminal, and the program that runs the client. */
export const EXEC_FLAGS: readonly Flag[] = [
  {
    name: "tty",
    alias: "t",
    description: "Give the command a terminal, as large as this one",
  },
  {
    name: "interactive",
    alias: "i",
    description: "Pass stdin on, which is what happens anyway, unless by -n",
  },
  {
    name: "no-stdin",
    alias: "n",
    description: "Leave stdin alone: the command's is empty, as with ssh -n",
  },
  {
    name: "cwd",
    alias: "w",
    otherNames: ["workdir"],
    value: "DIR",
    description: "The command's folder (default: the agent's)",
  },
  {
    name: "user",
    alias: "u",
    value: "USER[:GROUP]",
    description:
      "The command's user, by names or numbers (default: the agent's)",
  },
  {
    name: "timeout",
    value: "TIME",
    description:
      "End the command after this time (500ms, 30s, 5m or 1h, up to 24h): SIGTERM, 2s later SIGKILL",
  },
  {
    name: "memory",
    value: "SIZE",
    description:
      "Limit the command, with all that it starts, to this much memory, such as 512M; it is killed if it takes more",
  },
  {
    name: "pids",
    value: "N",
    description: "… to this many processes and threads at once",
  },
  {
    name: "cpu",
    value: "N",
    description: "… to this many processors' time, such as 0.5",
  },
  {
    name: "env",
    alias: "e",
    value: "K[=V]",
    repeatable: true,
    description:
      "Set a variable in the command's environment; without =V to its value here, if it has one",
  },
  {
    name: "env-file",
    value: "FILE",
    repeatable: true,
    description:
      "Set the variables in this file, docker's: lines K=V, taken as they are, and # comments; --env wins",
  },
  {
    name: "clear-env",
    description: "Set no variables but those that are named here",
  },
  {
    name: "escape",
    value: "CHAR",
    description:
      `With -t, the key for the client itself: a character, ^X, or none (default ${DEFAULT_ESCAPE})`,
  },
  {
    name: "no-raw",
    description:
      "Send and take data in base64 only, as to agents that know no better",
  },
  {
    name: "control-fd",
    value: "N",
    description: "Read what to do with the command from this descriptor",
  },
  {
    name: "status-fd",
    value: "N",
    description: "Write how the command fares to this descriptor",
  },
];

/** What the flags say about a command. */
export interface ExecRequest {
  /** The program and its arguments. */
  readonly argv: readonly string[];
  /** Where, as whom, for how long, with what variables and limits it runs. */
  readonly placement: Placement;
  /** Whether it gets a terminal. */
  readonly tty: boolean;
  /** The byte of the escape character, if there is one. */
  readonly escape: number | undefined;
  /** Whether data may go without base64. */
  readonly raw: boolean;
}

/**
 * Returns what the flags say about a command.
 *
 * @param flags The flags.
 * @returns The command.
 * @throws {UsageError} If they make no sense.
 * @throws {InputError} If a file of variables doesn't, or a variable of the
 * client's cannot be read.
 */
export async function parseExecFlags(
  flags: ParsedFlags,
): Promise<ExecRequest> {
  const argv = flags.rest;
  if (argv.length === 0) {
    throw new UsageError(`Say what to run, after "--": -- uname -a`);
  }
  const tty = flags.has("tty");
  if (!tty && flags.get("escape") !== undefined) {
    throw new UsageError("--escape needs -t: without it all input is data");
  }
  const cwd = flags.get("cwd");
  const user = flags.get("user");
  const timeout = flags.duration("timeout");
  if (timeout === 0) {
    throw new UsageError(
      "--timeout must be more than 0; leave it out for none",
    );
  }
  const locale = tty
    ? (await import("./terminal_environment.ts")).localeVariables()
    : {};
  return {
    argv,
    tty,
    escape: parseEscape(flags.get("escape") ?? DEFAULT_ESCAPE),
    raw: !flags.has("no-raw"),
    placement: {
      env: {
        ...locale,
        ...await readVariables(flags.all("env-file")),
        ...parseVariables(flags.all("env")),
      },
      ...(flags.has("clear-env") && { clearEnv: true }),
      ...(cwd !== undefined && { cwd }),
      ...(user !== undefined && { user }),
      ...(timeout !== undefined && { timeout }),
      limits: parseResourceLimits(flags),
    },
  };
}

/**
 * Returns the descriptor that a flag names.
 *
 * @param flags The flags.
 * @param name The flag's name.
 * @param access What the descriptor must be open for.
 * @returns The descriptor's number, or `undefined` without the flag.
 * @throws {UsageError} If this process was not given such a descriptor.
 */
export async function parseDescriptor(
  flags: ParsedFlags,
  name: "control-fd" | "status-fd",
  access: "readable" | "writable",
): Promise<number | undefined> {
  const fd = flags.integer(name, 0, MAX_FD);
  if (fd === undefined) return undefined;
  if (fd <= 2) {
    throw new UsageError(
      `--${name} must be 3 or more, got ${fd}: 0 to 2 are the command's own streams`,
    );
  }
  if (name === "control-fd" && fd === flags.integer("status-fd", 0, MAX_FD)) {
    throw new UsageError("--control-fd and --status-fd must not be the same");
  }
  const { inheritedAccess } = await import("../ffi/inherited_fd.ts");
  const inherited = inheritedAccess(fd);
  if (!inherited) {
    throw new UsageError(
      `--${name} ${fd} is not open: start the client with it, in a shell by ${fd}${
        access === "readable" ? "<" : ">"
      }FILE`,
    );
  }
  if (!inherited[access]) {
    throw new UsageError(`--${name} ${fd} is open, but not ${access}`);
  }
  return fd;
}

/** Parses `~`, `^]` or `none`. */
function parseEscape(value: string): number | undefined {
  if (value === "none") return undefined;
  const [, character, control] = value.match(/^(?:([!-~])|\^([@-_a-z?]))$/) ??
    [];
  if (character !== undefined) return character.charCodeAt(0);
  if (control !== undefined) {
    return control.toUpperCase().charCodeAt(0) ^ 0x40;
  }
  throw new UsageError(
    `--escape must be a character such as ~, a control character such as ^], or none, got "${value}"`,
  );
}

async function readVariables(
  paths: readonly string[],
): Promise<Record<string, string>> {
  if (paths.length === 0) return {};
  const { readEnvFile } = await import("./env_file.ts");
  return Object.fromEntries(
    paths.flatMap((path) => Object.entries(readEnvFile(path))),
  );
}

function parseVariables(
  assignments: readonly string[],
): Record<string, string> {
  const variables: [name: string, value: string][] = [];
  for (const assignment of assignments) {
    const [, name, value] = assignment.match(/^([^=]+)(?:=(.*))?$/s) ?? [];
    if (name === undefined) {
      throw new UsageError(
        `--env must be K=V, got "${assignment}"; K alone passes the client's own on`,
      );
    }
    const passed = value ?? localVariable(name);
    if (passed !== undefined) variables.push([name, passed]);
  }
  return Object.fromEntries(variables);
}

/** Returns the value of a variable of the client's own, if it is set. */
function localVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(`Cannot pass variable "${name}" on: ${reason}`, {
      cause,
    });
  }
}
