/**
 * Which commands a policy allows.
 *
 * @module
 */

import { parseDuration } from "../../cli/parse_flags.ts";
import { findProgram } from "../../ffi/program.ts";
import { effectiveUserId } from "../../ffi/system.ts";
import { findGroup, findUser, parseId } from "../../ffi/users.ts";
import { findLoaderVariable } from "../grants/loader_variables.ts";
import { matchesPath, matchesText } from "./pattern.ts";
import type { PolicyDocument, PolicyRule } from "./policy_schema.ts";

/** Thrown when a policy file cannot be used. */
export class PolicyError extends Error {
  override readonly name = "PolicyError";
}

/** What a policy decides about. */
export interface CommandRequest {
  /** The program's file, as `findProgram` returns it. */
  readonly program: string;
  /** Its arguments, without `argv[0]`. */
  readonly args: readonly string[];
  /** The names of the variables that the caller sets. */
  readonly variables: readonly string[];
  /** Whether the caller wants none of the agent's variables. */
  readonly clearEnv: boolean;
  /** Whom the caller wants it to run as, if the caller says. */
  readonly identity: UserAndGroup | undefined;
  /** The folder that the caller wants, resolved, if the caller says. */
  readonly cwd: string | undefined;
  /** The time limit that the caller sets, in milliseconds; 0 for none. */
  readonly timeoutMs: number;
  /** The caller's vsock context identifier, if it came over vsock. */
  readonly cid: number | undefined;
  /** Whether the caller wants a terminal. */
  readonly tty: boolean;
}

/** Whom a command runs as. */
export interface UserAndGroup {
  /** The user's id. */
  readonly uid: number;
  /** The main group's id; `undefined` where nothing says it. */
  readonly gid: number | undefined;
}

/** What a policy makes of a command. */
export interface Decision {
  /** Whether it may run. */
  readonly allowed: boolean;
  /** Why, as a caller is told who is denied. */
  readonly reason: string;
  /** The rule that matched, by its name or else its place, if one did. */
  readonly rule: string | undefined;
  /** The time limit that it runs under, in milliseconds; 0 for none. */
  readonly timeoutMs: number;
  /** The rules that were looked at, in order. */
  readonly steps: readonly Step[];
}

/** How one rule fared. */
export interface Step {
  /** The rule, by its name in quotes or else its place. */
  readonly rule: string;
  /** What it does to what it matches. */
  readonly effect: PolicyRule["effect"];
  /** Why it doesn't match, or `undefined` if it does. */
  readonly mismatch: string | undefined;
  /** How many of its conditions hold, up to the first that doesn't. */
  readonly held: number;
}

/** Says why a rule doesn't match, or nothing. */
type Condition = (
  rule: PolicyRule,
  request: CommandRequest,
  searchPath: string | undefined,
) => string | undefined | Promise<string | undefined>;

/**
 * Whatever a rule leaves out, callers it allows may not choose, and callers it
 * denies may have chosen any way. The program is first: a rule for others is far.
 */
const CONDITIONS: readonly Condition[] = [
  programDiffers,
  argsDiffer,
  userDiffers,
  folderDiffers,
  variablesDiffer,
  timeoutDiffers,
  cidDiffers,
  terminalDiffers,
];

/** The rules of a policy file, the first of which that matches decides. */
export class Policy {
  /** Whether callers may reseed the guest. */
  readonly reseed: boolean;
  readonly #rules: readonly PolicyRule[];
  readonly #searchPath: string | undefined;

  /**
   * @param document The file's content.
   * @param searchPath Where rules' names of programs are looked up: the agent's
   * own PATH, never the caller's.
   */
  constructor(document: PolicyDocument, searchPath?: string) {
    this.reseed = document.reseed ?? false;
    this.#rules = document.rules;
    this.#searchPath = searchPath;
  }

  /** How many rules there are. */
  get size(): number {
    return this.#rules.length;
  }

  /**
   * Lists the programs that rules allow by name or path, and that are there now.
   *
   * @returns Their files, as `findProgram` returns them.
   */
  allowedPrograms(): string[] {
    const files = this.#rules
      .flatMap(({ effect, programs = [] }) =>
        effect === "allow" ? programs : []
      )
      .filter((pattern) => !pattern.includes("*"))
      .flatMap((name) => tryFindProgram(name, this.#searchPath) ?? []);
    return [...new Set(files)];
  }

  /**
   * Decides about a command.
   *
   * @param request The command.
   * @returns The decision.
   * @throws {OsError} If the guest's name service fails.
   */
  async decide(request: CommandRequest): Promise<Decision> {
    const steps: Step[] = [];
    const deny = (reason: string, rule?: string): Decision => ({
      ...{ allowed: false, reason, rule, timeoutMs: 0, steps },
    });
    const loaded = findLoaderVariable(request.variables);
    if (loaded !== undefined) {
      return deny(
        `variable ${
          JSON.stringify(loaded)
        } could make it run other code, which no policy allows`,
      );
    }
    for (const [index, rule] of this.#rules.entries()) {
      const label = rule.name === undefined
        ? `rules[${index}]`
        : JSON.stringify(rule.name);
      const step = await this.#look(rule, label, request);
      steps.push(step);
      if (step.mismatch !== undefined) continue;
      if (rule.effect === "deny") {
        return deny(
          `rule ${label} of the policy denies it`,
          rule.name ?? label,
        );
      }
      return {
        allowed: true,
        reason: `rule ${label} of the policy allows it`,
        rule: rule.name ?? label,
        timeoutMs: request.timeoutMs || maxTimeout(rule),
        steps,
      };
    }
    return deny(describeDefault(request, steps));
  }

  async #look(
    rule: PolicyRule,
    label: string,
    request: CommandRequest,
  ): Promise<Step> {
    const { effect } = rule;
    for (const [held, condition] of CONDITIONS.entries()) {
      const mismatch = await condition(rule, request, this.#searchPath);
      if (mismatch !== undefined) {
        return { rule: label, effect, mismatch, held };
      }
    }
    return {
      ...{ rule: label, effect, mismatch: undefined, held: CONDITIONS.length },
    };
  }
}

/** Says what nothing allows, with what comes nearest. */
function describeDefault(
  { program }: CommandRequest,
  steps: readonly Step[],
): string {
  const near = steps.filter(({ effect, held }) =>
    effect === "allow" && held > 0
  )
    .reduce<Step | undefined>(
      (best, step) => best && best.held >= step.held ? best : step,
      undefined,
    );
  return near === undefined
    ? `no rule of the policy is for ${JSON.stringify(program)}`
    : `no rule of the policy allows it; the nearest is ${near.rule}, but ${near.mismatch}`;
}

function programDiffers(
  { programs }: PolicyRule,
  { program }: CommandRequest,
  searchPath: string | undefined,
): string | undefined {
  const matches =
    programs?.some((pattern) =>
      pattern.includes("*")
        ? matchesPath(pattern, program)
        : isProgram(pattern, program, searchPath)
    ) ?? true;
  return matches ? undefined : `it is not for ${JSON.stringify(program)}`;
}

/** Tells whether a name or path is that of a program's file. */
function isProgram(
  name: string,
  program: string,
  searchPath: string | undefined,
): boolean {
  // Most aren't, and need no looking up.
  if (lastComponent(name) !== lastComponent(program)) return false;
  return tryFindProgram(name, searchPath) === program;
}

function tryFindProgram(
  name: string,
  searchPath: string | undefined,
): string | undefined {
  try {
    return findProgram(name, searchPath);
  } catch {
    // Not installed, now: it may be by the next time.
    return undefined;
  }
}

function lastComponent(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function argsDiffer(
  rule: PolicyRule,
  { args }: CommandRequest,
): string | undefined {
  const patterns = rule.args ?? (rule.effect === "allow" ? [] : ["**"]);
  const open = patterns.at(-1) === "**";
  const fixed = open ? patterns.slice(0, -1) : patterns;
  if (open ? args.length < fixed.length : args.length !== fixed.length) {
    return `it takes ${fixed.length || "no"}${
      open ? " or more" : ""
    } arguments, not ${args.length}`;
  }
  const wrong = fixed.findIndex((pattern, at) =>
    !matchesText(pattern, args[at]!)
  );
  // Without the argument, which may be a secret.
  return wrong < 0
    ? undefined
    : `argument ${wrong + 1} doesn't match ${JSON.stringify(fixed[wrong])}`;
}

async function userDiffers(
  { effect, users }: PolicyRule,
  { identity }: CommandRequest,
): Promise<string | undefined> {
  if (users === undefined) {
    return effect === "allow" && identity !== undefined
      ? "the caller may not choose the user"
      : undefined;
  }
  if (users.includes("*")) return undefined;
  const actual = identity ?? await agentIdentity();
  for (const user of users) {
    if (await isUser(user, actual, effect)) return undefined;
  }
  return `it is not for uid ${actual.uid} with gid ${actual.gid ?? "unknown"}`;
}

async function agentIdentity(): Promise<UserAndGroup> {
  const uid = effectiveUserId();
  return { uid, gid: (await findUser(String(uid)))?.gid };
}

/**
 * Compares by id, as several names may stand for one. Another group than the
 * user's own is a right of its own, which an entry without a group doesn't give;
 * it gives no way around an entry that denies the user.
 */
async function isUser(
  entry: string,
  { uid, gid }: UserAndGroup,
  effect: PolicyRule["effect"],
): Promise<boolean> {
  const [name = "", group] = entry.split(":");
  const user = await findUser(name);
  if ((user?.uid ?? parseId(name)) !== uid) return false;
  if (group === undefined) return effect === "deny" || user?.gid === gid;
  return (await findGroup(group) ?? parseId(group)) === gid;
}

function folderDiffers(
  rule: PolicyRule,
  { cwd }: CommandRequest,
): string | undefined {
  if (rule.cwd === undefined) {
    return rule.effect === "allow" && cwd !== undefined
      ? "the caller may not choose the folder"
      : undefined;
  }
  // A rule that allows folders needs none to be chosen.
  const matches = cwd === undefined
    ? rule.effect === "allow"
    : rule.cwd.some((pattern) => matchesPath(pattern, cwd));
  return matches
    ? undefined
    : `it is not for ${
      cwd === undefined ? "the agent's folder" : `folder ${JSON.stringify(cwd)}`
    }`;
}

function variablesDiffer(
  { effect, env }: PolicyRule,
  { variables, clearEnv }: CommandRequest,
): string | undefined {
  const listed = (name: string) =>
    env?.some((pattern) => matchesText(pattern, name)) ?? false;
  if (effect === "deny") {
    // Whoever clears them chooses all of them.
    return env === undefined || clearEnv || variables.some(listed)
      ? undefined
      : "no variable that it names is set";
  }
  if (clearEnv && !env?.includes("*")) {
    return "the caller may not clear the agent's variables";
  }
  const other = variables.find((name) => !listed(name));
  return other === undefined
    ? undefined
    : `the caller may not set variable ${JSON.stringify(other)}`;
}

function timeoutDiffers(
  rule: PolicyRule,
  { timeoutMs }: CommandRequest,
): string | undefined {
  const most = maxTimeout(rule);
  return most === 0 || timeoutMs <= most
    ? undefined
    : `the caller's time limit is longer than ${most / 1000} s`;
}

/** Returns the longest time limit of a rule, in milliseconds; 0 for none. */
function maxTimeout(rule: PolicyRule): number {
  return rule.effect === "allow" && rule.maxTimeout !== undefined
    ? parseDuration(rule.maxTimeout) ?? 0
    : 0;
}

function cidDiffers(
  { cids }: PolicyRule,
  { cid }: CommandRequest,
): string | undefined {
  if (cids === undefined || cid !== undefined && cids.includes(cid)) {
    return undefined;
  }
  return cid === undefined
    ? "it is not for callers without a CID"
    : `it is not for CID ${cid}`;
}

function terminalDiffers(
  rule: PolicyRule,
  { tty }: CommandRequest,
): string | undefined {
  if (rule.effect === "allow") {
    return tty && !rule.tty ? "the caller may not have a terminal" : undefined;
  }
  return rule.tty && !tty ? "it is for commands on a terminal" : undefined;
}
