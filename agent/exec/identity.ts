/**
 * Users and groups that commands run as.
 *
 * @module
 */

import { toText } from "@std/streams/to-text";
import { spawn } from "../../ffi/process.ts";
import { findProgram } from "../../ffi/program.ts";
import { effectiveUserId } from "../../ffi/system.ts";
import {
  findGroup,
  findGroups,
  findUser,
  parseId,
  type User,
} from "../../ffi/users.ts";
import { toolProcesses } from "../containment/tool_processes.ts";
import { SessionError } from "../session_error.ts";

/** Whom a command runs as. */
export interface Identity {
  /** The user's id. */
  readonly uid: number;
  /** The id of the primary group. */
  readonly gid: number;
  /** The user's entry in the guest's database, if there is one. */
  readonly user: User | undefined;
}

/**
 * Looks up whom a command is to run as, and that the agent can become that user.
 *
 * @param text A user by name or uid, with `:` and a group by name or gid if
 * wanted.
 * @returns The identity.
 * @throws {SessionError} If there is no such user or group, or the agent may not
 * run commands as that user.
 * @throws {OsError} If the guest's name service fails.
 */
export async function findIdentity(text: string): Promise<Identity> {
  if (effectiveUserId() !== 0) {
    throw new SessionError(
      "denied",
      "the agent doesn't run as root, and cannot become another user",
    );
  }
  return await lookUpIdentity(text);
}

/**
 * Looks up whom a command would run as.
 *
 * @param text A user by name or uid, with `:` and a group by name or gid if
 * wanted.
 * @returns The identity.
 * @throws {SessionError} If there is no such user or group.
 * @throws {OsError} If the guest's name service fails.
 */
export async function lookUpIdentity(text: string): Promise<Identity> {
  const [name = "", groupName, more] = text.split(":");
  if (name === "" || groupName === "" || more !== undefined) {
    throw new SessionError(
      "protocol",
      `the user must be "NAME" or "NAME:GROUP", got ${JSON.stringify(text)}`,
    );
  }
  const user = await findUser(name);
  const uid = user?.uid ?? parseId(name);
  if (uid === undefined) {
    throw new SessionError(
      "not_executable",
      `there is no user ${JSON.stringify(name)} in this guest`,
    );
  }
  const gid = groupName === undefined
    ? user?.gid
    : await findGroup(groupName) ?? parseId(groupName);
  if (gid === undefined) {
    throw new SessionError(
      "not_executable",
      groupName === undefined
        ? `uid ${uid} has no entry in this guest that says its group; name one, as in "${uid}:GROUP"`
        : `there is no group ${JSON.stringify(groupName)} in this guest`,
    );
  }
  return { uid, gid, user };
}

/**
 * Returns the command that runs another one as somebody, with the supplementary
 * groups that the guest's database says; see setpriv(1). That the tool can become
 * that user here is tried before: its own failure would look like the command's.
 *
 * @param identity Whom to run it as.
 * @param searchPath Where the tool is looked up: the agent's own PATH, never the
 * caller's.
 * @returns The tool's file, and the arguments in front of the command's.
 * @throws {SessionError} If the guest has no such tool, or the tool cannot become
 * that user.
 * @throws {OsError} If the tool cannot be tried.
 */
export async function setprivCommand(
  { uid, gid, user }: Identity,
  searchPath: string | undefined,
): Promise<[program: string, ...args: string[]]> {
  const setpriv = findSetpriv(searchPath);
  if (setpriv === undefined || !await isUtilLinux(setpriv)) {
    throw new SessionError(
      "not_executable",
      "becoming another user takes setpriv of util-linux, which this guest lacks",
    );
  }
  // Not --init-groups: several names may have one uid.
  const groups = user && (await findGroups(user.name, gid)).join(",");
  const command: [string, ...string[]] = [
    setpriv,
    `--reuid=${uid}`,
    `--regid=${gid}`,
    groups ? `--groups=${groups}` : "--clear-groups",
    "--",
  ];
  await tryToBecome(command);
  return command;
}

function findSetpriv(searchPath: string | undefined): string | undefined {
  try {
    return findProgram("setpriv", searchPath);
  } catch {
    return undefined;
  }
}

/** How many users and tools are remembered to have worked. */
const MAX_TRIED = 1000;
/** The tools that were tried and are the right one, and with which users. */
const tried = new Set<string>();

/** Busybox has a tool of that name that cannot change the user. */
async function isUtilLinux(setpriv: string): Promise<boolean> {
  if (tried.has(setpriv)) return true;
  const { code, stdout } = await runTool([setpriv, "--version"]);
  const right = code === 0 && stdout.includes("util-linux");
  if (right) remember(setpriv);
  return right;
}

async function tryToBecome(
  command: readonly [string, ...string[]],
): Promise<void> {
  const key = command.join(" ");
  if (tried.has(key)) return;
  // Whoever may be that user may run the tool itself, which does nothing so.
  const [setpriv] = command;
  const { code, stderr } = await runTool([...command, setpriv, "--version"]);
  if (code === 0) return remember(key);
  throw new SessionError(
    "not_executable",
    `becoming that user failed: ${
      stderr.trim() || `${setpriv} gave no reason`
    }`,
  );
}

function remember(key: string): void {
  if (tried.size >= MAX_TRIED) tried.clear();
  tried.add(key);
}

async function runTool(
  argv: readonly [string, ...string[]],
): Promise<{ code: number; stdout: string; stderr: string }> {
  using child = spawn({ program: argv[0], argv, env: {} });
  toolProcesses.add(child.pid);
  try {
    const [stdout, stderr, { code }] = await Promise.all([
      toText(child.stdout),
      toText(child.stderr),
      child.status,
    ]);
    return { code, stdout, stderr };
  } finally {
    toolProcesses.delete(child.pid);
  }
}
