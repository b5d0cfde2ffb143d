/**
 * An agent that lets its callers run next to nothing.
 *
 * @module
 */

import type { AgentOptions } from "../tests/_agent.ts";
import { DEAD_MOUNT, hasDeadMounts } from "../tests/_dead_mount.ts";
import { DENIED_KINDS, RULES } from "./denied_kinds.ts";
import type { Kind } from "./soak_kinds.ts";
import type { SoakPlan } from "./soak_run.ts";

/** Attacks on an agent with a policy, which keeps its records in a file. */
export class DeniedPlan implements SoakPlan, Disposable {
  readonly kinds: readonly Kind[] = DENIED_KINDS;
  /** Each limit that is reached is worth a warning. */
  readonly mayWarn = true;
  readonly agent: AgentOptions;
  readonly #folder = Deno.makeTempDirSync({ prefix: "denied-" });

  constructor() {
    const policy = `${this.#folder}/policy.json`;
    Deno.writeTextFileSync(policy, JSON.stringify(RULES));
    this.agent = {
      args: [
        ...["--policy", policy, "--max-sessions", "100"],
        ...["--audit-file", `${this.#folder}/audit.log`],
      ],
      logFolder: this.#folder,
      ...(hasDeadMounts() && { prefix: DEAD_MOUNT }),
    };
  }

  /** Whatever was refused, the first command that ran is still on record. */
  check = (): void => {
    const files = [...Deno.readDirSync(this.#folder)]
      .filter(({ name }) => name.startsWith("audit.log"))
      .map(({ name }) => Deno.readTextFileSync(`${this.#folder}/${name}`));
    const ran = files.flatMap((text) => text.trim().split("\n"))
      .map((line) => JSON.parse(line))
      .filter(({ argv, exitCode }) => argv?.[0] === "true" && exitCode === 0)
      .map(({ start }) => String(start)).sort();
    const delay = Date.parse(ran[0] ?? "") - this.#start;
    if (!(delay < FIRST)) {
      throw new Error("The records of the first commands were pushed out");
    }
  };

  readonly #start = Date.now();

  /** Removes the files. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** By when the first command must have run, in milliseconds. */
const FIRST = 30_000;
