/**
 * A soak: sessions, and what is watched meanwhile.
 *
 * @module
 */

import { percentile } from "../bench/statistics.ts";
import config from "../deno.json" with { type: "json" };
import { bindAll } from "../ffi/libc.ts";
import { progress } from "../packaging/_script.ts";
import {
  type Agent,
  type AgentOptions,
  type LogRecord,
  startAgent,
} from "../tests/_agent.ts";
import { until, within } from "../tests/_bounded.ts";
import { openDescriptors, residentBytes } from "../tests/_proc.ts";
import { BINARY } from "../tests/_program.ts";
import { randomBytes } from "../tests/_wire.ts";
import { type MemoryReport, reportMemory } from "./memory.ts";
import { messageOf } from "./part.ts";
import { mixSeed, Random } from "./random.ts";
import { type Ground, type Kind, POOL_BYTES } from "./soak_kinds.ts";

/** How many sessions there are at a time. */
const CLIENTS = 10;
/** How long a session may take, in milliseconds. */
const PATIENCE = 60_000;
/** How often the agent's memory is looked at, in milliseconds. */
const SAMPLE_INTERVAL = 500;
/** How long the agent may take to clean up behind the last session, in milliseconds. */
const CLEANUP = 10_000;
/** How many failures are described; all are counted. */
const MAX_DESCRIBED = 10;

/** What a soak found out. */
export interface SoakResult {
  /** The version of this project. */
  readonly version: string;
  /** What ran the agent. */
  readonly agent: string;
  /** What all choices derive from. */
  readonly seed: number;
  /** How long it took, in milliseconds. */
  readonly time: number;
  /** How many sessions there were, by their kind. */
  readonly sessions: Readonly<Record<string, number>>;
  /** Bytes that went to commands. */
  readonly sent: number;
  /** Bytes that came from commands. */
  readonly received: number;
  /** Checksums of what came back that were wrong. */
  readonly wrongChecksums: number;
  /** How many sessions ended in another way than they should. */
  readonly unexpected: number;
  /** The first of them. */
  readonly failures: readonly string[];
  /** What was left behind. */
  readonly leaks: Leaks;
  /** Warnings and errors in the agent's log. */
  readonly warnings: readonly string[];
  /** What was wrong with the agent's end, if anything. */
  readonly end?: string;
  /** How long `true` took beside all that. */
  readonly canary: Canary;
  /** The agent's resident memory. */
  readonly memory: MemoryReport;
}

/** What was left behind when all sessions had ended, counted. */
export interface Leaks {
  /** The agent's descriptors. */
  readonly descriptors: number;
  /** The agent's children that run. */
  readonly children: number;
  /** The agent's children that have ended. */
  readonly zombies: number;
  /** The descriptors of this process, which is a client. */
  readonly clientDescriptors: number;
}

/** Round trips of `true`, in milliseconds. */
export interface Canary {
  /** How many there were. */
  readonly count: number;
  /** The median. */
  readonly p50: number;
  /** The 99th percentile. */
  readonly p99: number;
  /** The longest. */
  readonly max: number;
}

/** What a soak does, and to which agent. */
export interface SoakPlan {
  /** The kinds of sessions. */
  readonly kinds: readonly Kind[];
  /** How the agent is started. */
  readonly agent: AgentOptions;
  /** Whether its log may hold warnings: some kinds are worth them. */
  readonly mayWarn: boolean;
  /** Checks what else must hold in the end. */
  readonly check?: () => void;
}

/** Options for {@linkcode soak}. */
export interface SoakOptions {
  /** What is done. */
  readonly plan: SoakPlan;
  /** For how long, in milliseconds. */
  readonly time: number;
  /** What all choices derive from. */
  readonly seed: number;
  /** Resolves to an exit code when it is to end before. */
  readonly stopped: Promise<number>;
}

/**
 * Runs sessions for a while.
 *
 * @param options The options.
 * @returns What came of it, or the exit code if it was stopped.
 */
export async function soak(
  { plan, time, seed, stopped }: SoakOptions,
): Promise<SoakResult | number> {
  // What is opened once and for good must not be blamed on the sessions.
  bindAll();
  await new Deno.Command("true").output();

  const agent = await startAgent({
    ...plan.agent,
    keepRecord: (record) => "status" in record || isWarning(record),
  });
  // What it says of its surroundings is no session's doing.
  const said = agent.records.length;
  let disposed = false;
  try {
    using run = new SoakRun(agent, plan.kinds, seed, await startCanary());
    const start = performance.now();
    const code = await run.runSessions(time, stopped);
    if (code !== undefined) return code;
    const elapsed = performance.now() - start;
    const leaks = await run.countLeaks();
    disposed = true;
    const end = await agent[Symbol.asyncDispose]().then(plan.check)
      .then(() => undefined, messageOf);
    return {
      ...run.result(),
      time: elapsed,
      leaks,
      warnings: plan.mayWarn ? [] : agent.records.slice(said).filter(isWarning)
        .map((record) => JSON.stringify(record)),
      ...(end !== undefined && { end }),
    };
  } finally {
    if (!disposed) await agent[Symbol.asyncDispose]().catch(() => {});
  }
}

/** The runtime keeps some descriptors of a thread, also when it has ended. */
async function startCanary(): Promise<Worker> {
  const canary = new Worker(new URL("canary.ts", import.meta.url), {
    type: "module",
  });
  const ready = new Promise((resolve) => canary.onmessage = resolve);
  await within(ready, "the canary");
  return canary;
}

/** Nothing that a client does is worth a warning. */
function isWarning({ level }: LogRecord): boolean {
  return level === "WARN" || level === "ERROR";
}

/** What is under way, and what is known so far. */
class SoakRun implements Disposable {
  readonly #agent: Agent;
  readonly #kinds: readonly Kind[];
  readonly #seed: number;
  readonly #canary: Worker;
  readonly #ground: Ground;
  readonly #agentDescriptors: number;
  readonly #ownDescriptors: number;
  readonly #counts: Record<string, number>;
  readonly #failures: string[] = [];
  readonly #latencies: number[] = [];
  readonly #samples: number[] = [];
  #unexpected = 0;
  #begun = 0;
  #over = false;

  constructor(
    agent: Agent,
    kinds: readonly Kind[],
    seed: number,
    canary: Worker,
  ) {
    this.#agent = agent;
    this.#kinds = kinds.flatMap((kind) => Array<Kind>(kind.weight).fill(kind));
    this.#counts = Object.fromEntries(kinds.map(({ name }) => [name, 0]));
    this.#seed = seed;
    this.#canary = canary;
    const pool = randomBytes(POOL_BYTES);
    const file = `${agent.folder}/pool`;
    Deno.writeFileSync(file, pool);
    const tally = { sent: 0, received: 0, wrongChecksums: 0 };
    const { path, folder } = agent;
    this.#ground = { path, folder, pool, file, tally };
    this.#agentDescriptors = openDescriptors(agent.pid).length;
    this.#ownDescriptors = openDescriptors("self").length;
  }

  /** Runs sessions for so long, or until it is stopped. */
  async runSessions(
    time: number,
    stopped: Promise<number>,
  ): Promise<number | undefined> {
    this.#canary.onmessage = ({ data }: MessageEvent<number | string>) => {
      if (typeof data === "number") this.#latencies.push(data);
      else this.#fail("canary", data);
    };
    this.#canary.postMessage(this.#ground.path);
    const start = performance.now();
    const sampler = setInterval(() => {
      this.#samples.push(residentBytes(this.#agent.pid));
      const share = (performance.now() - start) / time;
      progress(
        `${
          (share * 100).toFixed(0)
        }%: ${this.#begun} sessions, ${this.#unexpected} unexpected`,
      );
    }, SAMPLE_INTERVAL);
    const timer = setTimeout(() => this.#over = true, time);
    try {
      const clients = Promise.all(
        Array.from({ length: CLIENTS }, () => this.#runClient()),
      );
      return await Promise.race([stopped, clients.then(() => undefined)]);
    } finally {
      this.#over = true;
      clearTimeout(timer);
      clearInterval(sampler);
      this.#canary.postMessage(null);
    }
  }

  /** Counts what stays behind when the agent has had the time to clean up. */
  async countLeaks(): Promise<Leaks> {
    const count = (): Leaks => {
      const children = this.#agent.children;
      const zombies = children.filter(({ state }) => state === "Z").length;
      const above = (now: number, before: number) => Math.max(0, now - before);
      return {
        descriptors: above(
          openDescriptors(this.#agent.pid).length,
          this.#agentDescriptors,
        ),
        children: children.length - zombies,
        zombies,
        clientDescriptors: above(
          openDescriptors("self").length,
          this.#ownDescriptors,
        ),
      };
    };
    const nothing = () => Object.values(count()).every((left) => left === 0);
    await until(nothing, "the agent to clean up", CLEANUP).catch(() => {});
    return count();
  }

  /** Ends the canary's thread. */
  [Symbol.dispose](): void {
    this.#canary.terminate();
  }

  /** Returns what is known but for the end. */
  result(): Omit<SoakResult, "time" | "leaks" | "warnings" | "end"> {
    const { tally } = this.#ground;
    // Without any, that is a failure already.
    const latencies = this.#latencies.length > 0 ? this.#latencies : [NaN];
    return {
      version: config.version,
      agent: BINARY === undefined
        ? `the source, run by Deno ${Deno.version.deno}`
        : "the compiled binary",
      seed: this.#seed,
      sessions: this.#counts,
      ...tally,
      unexpected: this.#unexpected,
      failures: this.#failures,
      canary: {
        count: this.#latencies.length,
        p50: percentile(latencies, 50),
        p99: percentile(latencies, 99),
        max: percentile(latencies, 100),
      },
      memory: reportMemory(this.#samples, SAMPLE_INTERVAL),
    };
  }

  async #runClient(): Promise<void> {
    while (!this.#over) {
      const index = this.#begun++;
      const random = new Random(mixSeed(this.#seed, index));
      const kind = random.pick(this.#kinds);
      try {
        await within(
          kind.run(this.#ground, random),
          "its end",
          PATIENCE,
        );
      } catch (error) {
        this.#fail(`${kind.name}, session ${index}`, messageOf(error));
      }
      this.#counts[kind.name]!++;
    }
  }

  #fail(what: string, message: string): void {
    this.#unexpected++;
    if (this.#failures.length < MAX_DESCRIBED) {
      this.#failures.push(`${what}: ${message}`);
    }
  }
}
