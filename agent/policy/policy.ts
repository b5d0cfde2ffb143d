/**
 * Which commands a policy allows.
 *
 * @module
 */

import { parseDuration } from "../../cli/parse_flags.ts";
import { effectiveUserId } from "../../ffi/system.ts";
import { findUser } from "../../ffi/users.ts";
import { findGranted } from "../grants/asked_program.ts";
import { findLoaderVariable } from "../grants/loader_variables.ts";
import { matchesPath, matchesText } from "./pattern.ts";
import type { PolicyDocument, PolicyRule } from "./policy_schema.ts";
import { identity, type Subject, type UserAndGroup } from "./subjects.ts";

/** Thrown when a policy file cannot be used. */
export class PolicyError extends Error {
  override readonly name = "PolicyError";
}

/** What a policy decides about. */
export interface CommandRequest {
  /** The program. */
  readonly program: Subject;
  /** Its arguments, without `argv[0]`. */
  readonly args: readonly string[];
  /** The variables that the caller sets, by name. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether the caller wants none of the agent's variables. */
  readonly clearEnv: boolean;
  /** Whom the caller wants it to run as, if the caller says. */
  readonly user: Subject | undefined;
  /** The folder that the caller wants, if the caller says. */
  readonly cwd: Subject | undefined;
  /** The time limit that the caller sets, in milliseconds; 0 for none. */
  readonly timeoutMs: number;
  /** The caller's vsock context identifier, if it came over vsock. */
  readonly cid: number | undefined;
  /** Whether the caller wants a terminal. */
  readonly tty: boolean;
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
) => string | undefined | Promise<string | undefined>;

/**
 * Whatever a rule leaves out, callers it allows may not choose, and callers it
 * denies may have chosen any way. The program is first: a rule for others is far.
 * The terminal comes before the variables, which the client sends with it unasked.
 */
const CONDITIONS: readonly Condition[] = [
  programDiffers,
  argsDiffer,
  userDiffers,
  folderDiffers,
  terminalDiffers,
  variablesDiffer,
  timeoutDiffers,
  cidDiffers,
];

/** Folders that every Linux has, see hier(7). */
const SYSTEM_FOLDERS: readonly string[] = [
  ...["/bin", "/sbin", "/usr/bin", "/usr/sbin"],
  ...["/usr/local/bin", "/usr/local/sbin"],
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
   * @returns Their files, as `lookUpProgram` returns them.
   */
  async allowedPrograms(): Promise<string[]> {
    const names = this.#rules
      .flatMap(({ effect, programs = [] }) =>
        effect === "allow" ? programs : []
      )
      .filter((pattern) => !pattern.includes("*"));
    const files = new Set<string>();
    for (const name of names) {
      const file = await findGranted(name, this.#searchPath);
      if (file !== undefined) files.add(file);
    }
    return [...files];
  }

  /**
   * Tells whether callers may learn that a folder is there: those of the agent's
   * search path, those that rules name, and the ones above.
   *
   * @param folder The folder's path, absolute and without `..`.
   * @returns Whether they may.
   */
  reveals(folder: string): boolean {
    const searched = [...SYSTEM_FOLDERS, ...this.#searchPath?.split(":") ?? []];
    return searched.some((one) => `${one}/`.startsWith(`${folder}/`)) ||
      folder === "" ||
      this.#rules.some(({ effect, programs = [], cwd = [] }) =>
        effect === "allow" &&
        [...cwd, ...programs.filter((one) => one.includes("/")).map(parent)]
          .some((pattern) => matchesPath(pattern, folder))
      );
  }

  /**
   * Tells whether any rule can allow a command, by what its caller's words could
   * lead to. What no rule can allow need not be looked up.
   *
   * @param request The command. Its subjects fit whatever they may turn out to be.
   * @returns Whether one can.
   * @throws {OsError} If the guest's name service fails.
   */
  async mayAllow(request: CommandRequest): Promise<boolean> {
    if (findLoaderVariable(request.env) !== undefined) return false;
    for (const rule of this.#rules) {
      if (rule.effect !== "allow") continue;
      const { mismatch } = await compare(rule, request);
      if (mismatch === undefined) return true;
    }
    return false;
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
    const fault = findLoaderVariable(request.env);
    if (fault !== undefined) return deny(`${fault}, which no policy allows`);
    for (const [index, rule] of this.#rules.entries()) {
      const label = rule.name === undefined
        ? `rules[${index}]`
        : JSON.stringify(rule.name);
      const compared = await compare(rule, request);
      steps.push({ rule: label, effect: rule.effect, ...compared });
      if (compared.mismatch !== undefined) continue;
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
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Tells how a rule fares with a command. */
async function compare(
  rule: PolicyRule,
  request: CommandRequest,
): Promise<Pick<Step, "mismatch" | "held">> {
  for (const [held, condition] of CONDITIONS.entries()) {
    const mismatch = await condition(rule, request);
    if (mismatch !== undefined) return { mismatch, held };
  }
  return { mismatch: undefined, held: CONDITIONS.length };
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
    ? `no rule of the policy is for ${program.name}`
    : `no rule of the policy allows it; the nearest is ${near.rule}, but ${near.mismatch}`;
}

async function programDiffers(
  { programs, effect }: PolicyRule,
  { program }: CommandRequest,
): Promise<string | undefined> {
  return programs === undefined || await anyFits(programs, program, effect)
    ? undefined
    : `it is not for ${program.name}`;
}

async function anyFits(
  entries: readonly string[],
  subject: Subject,
  effect: PolicyRule["effect"],
): Promise<boolean> {
  for (const entry of entries) {
    if (await subject.fits(entry, effect)) return true;
  }
  return false;
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
  { user }: CommandRequest,
): Promise<string | undefined> {
  if (users === undefined) {
    return effect === "allow" && user !== undefined
      ? "the caller may not choose the user"
      : undefined;
  }
  if (users.includes("*")) return undefined;
  const actual = user ?? identity(await agentIdentity());
  return await anyFits(users, actual, effect)
    ? undefined
    : `it is not for ${actual.name}`;
}

async function agentIdentity(): Promise<UserAndGroup> {
  const uid = effectiveUserId();
  return { uid, gid: (await findUser(String(uid)))?.gid };
}

async function folderDiffers(
  rule: PolicyRule,
  { cwd }: CommandRequest,
): Promise<string | undefined> {
  if (rule.cwd === undefined) {
    return rule.effect === "allow" && cwd !== undefined
      ? "the caller may not choose the folder"
      : undefined;
  }
  // A rule that allows folders needs none to be chosen.
  const matches = cwd === undefined
    ? rule.effect === "allow"
    : await anyFits(rule.cwd, cwd, rule.effect);
  return matches
    ? undefined
    : `it is not for ${
      cwd === undefined ? "the agent's folder" : `folder ${cwd.name}`
    }`;
}

function variablesDiffer(
  { effect, env }: PolicyRule,
  { env: set, clearEnv }: CommandRequest,
): string | undefined {
  const variables = Object.keys(set);
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
