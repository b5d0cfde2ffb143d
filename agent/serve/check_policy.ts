/**
 * Explaining what a policy file makes of a command.
 *
 * @module
 */

import { type Flag, UsageError } from "../../cli/command.ts";
import { type ParsedFlags, parseInteger } from "../../cli/parse_flags.ts";
import { print } from "../../cli/print.ts";
import { printError } from "../../cli/print_error.ts";
import { ownEnvironment } from "../../ffi/environment.ts";
import { lookUpFolder, lookUpProgram } from "../../ffi/program.ts";
import { printableText } from "../../protocol/printable_text.ts";
import { findInvalidVariable } from "../exec/environment.ts";
import { lookUpIdentity } from "../exec/identity.ts";
import {
  type CommandRequest,
  type Decision,
  type Policy,
  PolicyError,
} from "../policy/policy.ts";
import {
  folder as folderSubject,
  identity,
  programFile,
} from "../policy/subjects.ts";

const MAX_U32 = 0xffffffff;

const EXIT_ALLOWED = 0;
const EXIT_DENIED = 1;
const EXIT_USAGE = 2;

/** The flag that has a policy file explained in the place of serving. */
export const CHECK_POLICY: Flag = {
  name: "check-policy",
  value: "FILE",
  description: "Don't serve: say what this policy makes of a caller's command…",
};

/** What a caller would choose, for `serve --check-policy` alone. */
export const CHECK_FLAGS: readonly Flag[] = [
  {
    name: "user",
    alias: "u",
    value: "USER[:GROUP]",
    description: "… who chose this user",
  },
  {
    name: "cwd",
    alias: "w",
    otherNames: ["workdir"],
    value: "DIR",
    description: "… who chose this folder",
  },
  {
    name: "env",
    alias: "e",
    value: "NAME[=VALUE]",
    repeatable: true,
    description: "… who set this variable",
  },
  {
    name: "clear-env",
    description: "… who wanted no variables of the agent's",
  },
  {
    name: "timeout",
    value: "TIME",
    description: "… who set this time limit",
  },
  { name: "cid", value: "CID", description: "… who came from this vsock CID" },
  { name: "tty", alias: "t", description: "… who wanted a terminal" },
];

/**
 * Prints what a policy file makes of a command, and why: rule by rule, up to the
 * one that decides. Nothing is run.
 *
 * @param path The policy file.
 * @param flags What the caller would choose, and the command.
 * @returns The exit code: 0 if it is allowed, 1 if it is denied, 2 if the file
 * makes no sense.
 * @throws {UsageError} If the flags make no sense.
 * @throws {Error} If the command, its folder or its user isn't there.
 */
export async function checkPolicy(
  path: string,
  flags: ParsedFlags,
): Promise<number> {
  const searchPath = ownEnvironment()["PATH"];
  const request = await commandRequest(flags, searchPath);
  let policy: Policy;
  try {
    const { readPolicy } = await import("../policy/policy_file.ts");
    policy = readPolicy(path, searchPath);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    await printError(error);
    return EXIT_USAGE;
  }
  const decision = await policy.decide(request);
  const lines = explain(decision).map((line) => printableText(line));
  await print(lines.join("\n"));
  return decision.allowed ? EXIT_ALLOWED : EXIT_DENIED;
}

function explain(decision: Decision): string[] {
  const { allowed, reason, timeoutMs, steps } = decision;
  const limit = timeoutMs > 0 ? `, for ${timeoutMs / 1000} s at most` : "";
  return [
    `${allowed ? "allowed" : "denied"}: ${reason}${limit}`,
    ...steps.map(({ rule, effect, mismatch }) =>
      `  ${rule} (${effect}): ${mismatch ?? "matches"}`
    ),
  ];
}

async function commandRequest(
  flags: ParsedFlags,
  searchPath: string | undefined,
): Promise<CommandRequest> {
  const [name, ...args] = flags.rest;
  if (name === undefined) {
    throw new UsageError('--check-policy needs a command after "--"');
  }
  const variables = new Map(
    flags.all("env").map((variable) => {
      const [name = "", ...value] = variable.split("=");
      return [name, value.join("=")] as const;
    }),
  );
  const fault = findInvalidVariable(Object.fromEntries(variables));
  if (fault !== undefined) throw new UsageError(`Cannot check: ${fault}`);
  const cid = flags.get("cid");
  const user = flags.get("user");
  const folder = flags.get("cwd");
  // As for a caller: it may be there, and be none that a command can start in.
  const cwd = folder === undefined ? undefined : await lookUpFolder(folder);
  const clearEnv = flags.has("clear-env");
  // Without any, execvp(3) has one of its own.
  const inherited = clearEnv ? undefined : searchPath;
  const path = variables.get("PATH") ?? inherited;
  return {
    program: programFile(
      (await lookUpProgram(name, path, cwd)).path,
      searchPath,
    ),
    args,
    env: Object.fromEntries(variables),
    clearEnv,
    user: user === undefined ? undefined : identity(await lookUpIdentity(user)),
    cwd: cwd === undefined ? undefined : folderSubject(cwd),
    timeoutMs: flags.duration("timeout") ?? 0,
    cid: cid === undefined ? undefined : parseInteger("--cid", cid, 0, MAX_U32),
    tty: flags.has("tty"),
  };
}
