/**
 * Deciding whether a command may run, and finding what its words lead to.
 *
 * What a caller may not run is decided by the words alone where that is possible:
 * it costs nothing then, and waits for nothing. Whoever is denied is answered by
 * the words in any case, and learns nothing of what is there.
 *
 * @module
 */

import { OsError } from "../../ffi/errno.ts";
import {
  candidates,
  type FoundProgram,
  lookUpFolder,
  lookUpProgram,
} from "../../ffi/program.ts";
import type { ExecFrame } from "../../protocol/mod.ts";
import type { AskedProgram } from "../grants/asked_program.ts";
import { DeniedError } from "../grants/grants.ts";
import { findLoaderVariable } from "../grants/loader_variables.ts";
import type { CommandRequest, Decision, Policy } from "../policy/policy.ts";
import {
  anyProgramNamed,
  anything,
  folder,
  folderWords,
  identity as identitySubject,
  programFile,
  programWords,
  userName,
  userWords,
} from "../policy/subjects.ts";
import { osError, SessionError } from "../session_error.ts";
import { findIdentity, type Identity } from "./identity.ts";
import { foldersLeft, foldersSearched } from "./passed_folders.ts";
import type { PlacementContext } from "./placement.ts";

/** A command that may run, and what its words have led to. */
export interface AuthorizedCommand {
  /** The program's file. */
  readonly program: FoundProgram;
  /** The folder to start in, with links resolved, if the caller has chosen one. */
  readonly cwd: string | undefined;
  /** Whom it runs as, if the caller has chosen that. */
  readonly identity: Identity | undefined;
  /** How long it may take, in milliseconds; 0 for as long as it likes. */
  readonly timeoutMs: number;
  /** The rule of the policy that allowed it, if there is a policy. */
  readonly rule?: string;
}

/**
 * Decides whether a command may run.
 *
 * @param request The frame that asks for it. Its texts were checked.
 * @param context What is decided elsewhere.
 * @returns What to run, where and as whom.
 * @throws {DeniedError} If the command isn't granted, or no policy's rule allows
 * it. It is the same error whatever there is in the guest.
 * @throws {SessionError} If a command that may run cannot: there is no such folder
 * or user.
 * @throws {OsError} If there is no such program, or a file system doesn't answer.
 */
export async function authorize(
  request: ExecFrame,
  context: PlacementContext,
): Promise<AuthorizedCommand> {
  const { argv, env, clearEnv = false, timeoutMs = 0, tty } = request;
  const { grants, environment } = context;
  const name = argv[0]!;
  const path = env["PATH"] ?? (clearEnv ? undefined : environment["PATH"]);
  const asked = {
    name,
    candidates: candidates(name, path, request.cwd),
    file: undefined,
  };
  const variables = {
    ...(tty?.term !== undefined && { TERM: tty.term }),
    ...env,
  };
  grants.checkWords(name, variables);
  const policy = context.policy?.current;
  const words = policy && new PolicyWords(policy, request, asked, context);
  await words?.check();

  const cwd = await attempt(() => findFolder(request.cwd));
  const identity = await attempt(() => findUser(request.user));
  // A folder that cannot be entered is the error, if anybody is to know.
  const base = cwd instanceof Error ? request.cwd : cwd;
  const program = await attempt(() => lookUpProgram(name, path, base));
  await grants.check({
    ...asked,
    file: program instanceof Error ? undefined : program.path,
  });
  const decision = await words?.decide(program, cwd, identity);
  for (const found of [cwd, identity, program]) {
    if (found instanceof Error) throw found;
  }
  return {
    program: program as FoundProgram,
    cwd: cwd as string | undefined,
    identity: identity as Identity | undefined,
    timeoutMs: decision?.timeoutMs ?? timeoutMs,
    ...(decision?.rule !== undefined && { rule: decision.rule }),
  };
}

/** What a policy says of one caller's words. */
class PolicyWords {
  readonly #policy: Policy;
  readonly #request: ExecFrame;
  readonly #asked: AskedProgram;
  readonly #choices: Omit<CommandRequest, "program" | "cwd" | "user">;
  readonly #searchPath: string | undefined;

  constructor(
    policy: Policy,
    request: ExecFrame,
    asked: AskedProgram,
    { peer, environment }: PlacementContext,
  ) {
    const { argv, env, clearEnv = false, timeoutMs = 0, tty } = request;
    this.#policy = policy;
    this.#request = request;
    this.#asked = asked;
    this.#searchPath = environment["PATH"];
    this.#choices = {
      args: argv.slice(1),
      env,
      clearEnv,
      timeoutMs,
      cid: peer.transport === "vsock" ? peer.cid : undefined,
      tty: tty !== undefined,
    };
  }

  /** Refuses what no rule can allow, before anything is looked up. */
  async check(): Promise<void> {
    const { cwd, user, tty } = this.#request;
    // The rules see the variables, but not the kind of the terminal.
    const fault = tty?.term !== undefined &&
      findLoaderVariable({ TERM: tty.term });
    if (fault) throw new DeniedError(`${fault}, which no policy allows`);
    const hidden = this.#folders().find((one) => !this.#policy.reveals(one));
    if (hidden !== undefined) {
      throw new DeniedError(
        `it goes through ${
          JSON.stringify(hidden)
        }, which no rule of the policy is for`,
      );
    }
    const allowed = await this.#policy.mayAllow({
      ...this.#choices,
      program: anyProgramNamed(this.#asked.name),
      cwd: cwd === undefined ? undefined : anything(cwd),
      user: user === undefined ? undefined : anything(user),
    });
    if (!allowed) throw await this.#denial();
  }

  /** Decides by what was found, and by words where nothing was. */
  async decide(
    program: FoundProgram | Error,
    cwd: string | Error | undefined,
    identity: Identity | Error | undefined,
  ): Promise<Decision> {
    const words = this.#subjects();
    const { name } = this.#asked;
    const request = this.#request;
    const decision = await this.#policy.decide({
      ...this.#choices,
      program: program instanceof Error
        ? words.program
        : programFile(program.path, this.#searchPath, name),
      cwd: typeof cwd === "string" ? folder(cwd, request.cwd) : words.cwd,
      user: identity === undefined || identity instanceof Error
        ? words.user
        : identitySubject(identity, userName(request.user!)),
    });
    if (!decision.allowed) throw await this.#denial(decision.reason);
    return decision;
  }

  #subjects(): Pick<CommandRequest, "program" | "cwd" | "user"> {
    const { cwd, user } = this.#request;
    return {
      program: programWords(this.#asked),
      cwd: cwd === undefined ? undefined : folderWords(cwd),
      user: user === undefined ? undefined : userWords(user),
    };
  }

  /**
   * Says why a command is denied, by the words alone unless they would be allowed:
   * which rule comes nearest could tell what is there.
   */
  async #denial(found = ""): Promise<DeniedError> {
    const { allowed, reason } = await this.#policy.decide({
      ...this.#choices,
      ...this.#subjects(),
    });
    return new DeniedError(allowed ? found : reason);
  }

  /** Lists the folders that the words tell about. */
  #folders(): string[] {
    const { cwd = "", env } = this.#request;
    const { name, candidates } = this.#asked;
    const searched = env["PATH"] === undefined || name.includes("/")
      ? []
      : foldersSearched(candidates);
    return [cwd, ...candidates].flatMap(foldersLeft).concat(searched);
  }
}

async function findFolder(
  cwd: string | undefined,
): Promise<string | undefined> {
  if (cwd === undefined) return undefined;
  try {
    return await lookUpFolder(cwd);
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    // A missing folder must not look like a missing program.
    throw osError(error, "not_executable");
  }
}

async function findUser(
  user: string | undefined,
): Promise<Identity | undefined> {
  return user === undefined ? undefined : await findIdentity(user);
}

/** Returns what is wrong instead of throwing it. */
async function attempt<T>(find: () => Promise<T>): Promise<T | Error> {
  try {
    return await find();
  } catch (error) {
    if (error instanceof OsError || error instanceof SessionError) return error;
    throw error;
  }
}
