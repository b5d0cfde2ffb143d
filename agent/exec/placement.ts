/**
 * Where, as whom and with which variables a command runs.
 *
 * @module
 */

import type { SpawnOptions } from "../../ffi/process.ts";
import { findProgramFault } from "../../ffi/program_fault.ts";
import { effectiveUserId } from "../../ffi/system.ts";
import { findUser, type User } from "../../ffi/users.ts";
import type { ExecFrame } from "../../protocol/mod.ts";
import { checkArgs } from "../limits.ts";
import type { SessionContext } from "../session_context.ts";
import { SessionError, spawnError } from "../session_error.ts";
import { authorize } from "./authorize.ts";
import { findInvalidVariable, findTextFault } from "./environment.ts";
import type { ExecContext } from "./exec.ts";
import { type Identity, setprivCommand } from "./identity.ts";

/** What is decided elsewhere about how commands run. */
export type PlacementContext =
  & Pick<SessionContext, "grants" | "policy" | "environment" | "limits">
  & Pick<ExecContext, "peer">;

/** What is to be spawned, and for how long. */
export interface PlacedCommand extends SpawnOptions {
  /** The program as the caller names it. */
  readonly name: string;
  /** How long it may take, in milliseconds; 0 for as long as it likes. */
  readonly timeoutMs: number;
  /** The rule of the policy that allowed it, if there is a policy. */
  readonly rule?: string;
  /** Whether starting it may wait for a file system, see {@linkcode spawnElsewhere}. */
  readonly mayWait: boolean;
}

/** The terminal that a client without a size of its own gets. */
const DEFAULT_SIZE = { rows: 24, cols: 80 } as const;
/** What the client's terminal is where it doesn't say. */
const DEFAULT_TERM = "xterm";
/** What an empty entry in passwd(5) means. */
const DEFAULT_SHELL = "/bin/sh";

/**
 * Turns an `exec` frame into what is to be spawned.
 *
 * @param request The frame.
 * @param context What is decided elsewhere.
 * @returns What to spawn.
 * @throws {SessionError} If the command cannot be run so, or isn't granted; the
 * message names the program.
 */
export async function placeCommand(
  request: ExecFrame,
  context: PlacementContext,
): Promise<PlacedCommand> {
  const { argv } = request;
  const [name] = argv;
  if (name === undefined) {
    throw new SessionError("protocol", `Cannot run a command: "argv" is empty`);
  }
  try {
    checkText(request);
    // As a caller's own words they may be too many before anything else is asked.
    checkArgs(argv, request.env, context.limits.args);
    const { program: { path, atHand }, cwd, identity, timeoutMs, rule } =
      await authorize(request, context);
    const env = await environmentFor(request, identity, context);
    checkArgs(argv, env, context.limits.args);
    const terminal = request.tty && {
      rows: request.tty.rows || DEFAULT_SIZE.rows,
      cols: request.tty.cols || DEFAULT_SIZE.cols,
    };
    const options = {
      name,
      timeoutMs,
      env,
      ...(rule !== undefined && { rule }),
      ...(cwd !== undefined && { cwd }),
      ...(terminal && { terminal }),
    };
    // Whatever the folder's path leads to by then, the process goes there.
    const waits = !atHand || cwd !== undefined;
    if (identity === undefined) {
      return { program: path, argv, ...options, mayWait: waits };
    }
    // The tool would say it as the command, or hand the file to a shell.
    const fault = await findProgramFault(path);
    if (fault !== undefined) throw new SessionError("not_executable", fault);
    const tool = await setprivCommand(identity, context.environment["PATH"]);
    return {
      program: tool[0],
      argv: [...tool, path, ...argv.slice(1)],
      ...options,
      owner: identity.uid,
      mayWait: cwd !== undefined,
    };
  } catch (error) {
    throw spawnError(name, error);
  }
}

/** Refuses what the system would cut short, or take for something else. */
function checkText({ argv, cwd, user, env, tty }: ExecFrame): void {
  const fault = findInvalidVariable({ TERM: tty?.term ?? "", ...env }) ??
    Object.entries({ argument: argv, folder: [cwd], user: [user] })
      .map(([name, values]) => {
        const fault = values.map(findTextFault).find((one) => one);
        return fault && `its ${name} ${fault}`;
      })
      .find((one) => one);
  if (fault !== undefined) throw new SessionError("protocol", fault);
}

/** Lays the caller's variables over the agent's and those that login tools set. */
async function environmentFor(
  { env, clearEnv = false, tty }: ExecFrame,
  identity: Identity | undefined,
  { environment }: PlacementContext,
): Promise<Record<string, string>> {
  const term = tty && { TERM: tty.term ?? DEFAULT_TERM };
  if (clearEnv) return { ...term, ...env };
  if (identity) {
    const { uid, user } = identity;
    return { ...environment, ...loginVariables(uid, user), ...term, ...env };
  }
  if (!tty) return { ...environment, ...env };
  // A service has none of them, and a shell for people is lost without.
  const uid = effectiveUserId();
  const own = loginVariables(uid, await findUser(String(uid)));
  return { ...own, ...environment, ...term, ...env };
}

/** Returns what login tools set, see environ(7). */
function loginVariables(
  uid: number,
  user: User | undefined,
): Record<string, string> {
  const name = user?.name ?? String(uid);
  return {
    HOME: user?.home ?? "/",
    SHELL: user?.shell || DEFAULT_SHELL,
    USER: name,
    LOGNAME: name,
  };
}
