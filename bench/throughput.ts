/**
 * How fast one session carries bytes.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { until } from "../tests/_bounded.ts";
import { receive, send, SINK, zeros } from "./load_generator.ts";
import { atLeast, references, type Row, times } from "./result.ts";
import {
  agentsOf,
  type Measurement,
  requireOrSkip,
  type Run,
  skip,
  SOCAT,
} from "./run.ts";
import { openSharedConnection, type SharedConnection } from "./ssh.ts";
import { Rounds } from "./statistics.ts";
import {
  CANNED,
  type RunningAgent,
  startAgent,
  type Subject,
} from "./subjects.ts";

const MIB = 1024 * 1024;
/** How much is carried each time, in bytes. */
const BYTES = 512 * MIB;
/** How much before the first round, until the code is compiled. */
const WARM_UP = 64 * MIB;

type Direction = "stdout" | "stdin";
const DIRECTIONS: readonly Direction[] = ["stdout", "stdin"];

/** The sizes of socat's buffer, in bytes: its default, and a better one. */
const SOCAT_BUFFERS = [8192, 262_144] as const;

/** Something that carries bytes. */
interface Carrier {
  /** What it is called in the rounds. */
  readonly name: string;
  /**
   * Carries bytes, and returns how long that took in milliseconds.
   *
   * @param bytes How many.
   */
  carry(bytes: number): Promise<number>;
  /** Whether it takes its time before the first byte, as a process does. */
  readonly starts: boolean;
}

/** Throughput of one session, either way, by JSON and raw. */
export const throughput: Measurement = {
  name: "throughput",
  async measure(run) {
    await using stack = new AsyncDisposableStack();
    const raw = await hasRaw(run);
    const carriers = await listCarriers(run, stack, raw);
    const rounds = new Rounds();
    for (const { carry, starts } of carriers) if (!starts) await carry(WARM_UP);
    for (let round = 0; round < run.rounds; round++) {
      for (const { name, carry, starts } of carriers) {
        run.progress(`throughput: round ${round + 1}, ${name}`);
        const whole = await carry(BYTES);
        const start = starts ? await carry(0) : 0;
        rounds.add(name, 1000 * BYTES / MIB / (whole - start));
      }
    }
    run.rows.push(
      ...DIRECTIONS.flatMap((direction) =>
        describe(run, rounds, direction, raw)
      ),
    );
  },
};

async function listCarriers(
  run: Run,
  stack: AsyncDisposableStack,
  raw: boolean,
): Promise<Carrier[]> {
  const { own, peer } = run.subjects;
  const carriers: Carrier[] = [];
  const agents = new Map<Subject, RunningAgent>();
  for (const subject of [...agentsOf(run), CANNED]) {
    const agent = stack.use(await startAgent(run, subject));
    agents.set(subject, agent);
    carriers.push(
      agentAlone("stdout", subject, (bytes) => receive(agent, bytes)),
      agentAlone("stdin", subject, (bytes) => send(agent, bytes)),
    );
  }
  const ownSocket = agents.get(own)!.socket;
  for (const direction of DIRECTIONS) {
    carriers.push(
      bothEnds(run, direction, "json", own, ownSocket, raw ? ["--no-raw"] : []),
    );
    if (raw) carriers.push(bothEnds(run, direction, "raw", own, ownSocket));
    if (peer?.serve && peer.client) {
      const { socket } = agents.get(peer)!;
      carriers.push(bothEnds(run, direction, "json", peer, socket));
    }
  }
  carriers.push({
    name: "pipe",
    carry: (bytes) =>
      run.jobs.run(shell(`head -c ${bytes} /dev/zero | cat >/dev/null`)),
    starts: true,
  });
  if (requireOrSkip(run, "the bound of throughput", SOCAT)) {
    carriers.push(...SOCAT_BUFFERS.map((buffer) => socat(run, buffer)));
  }
  const ssh = await openSharedConnection(run);
  if (ssh) {
    carriers.push(
      ...DIRECTIONS.map((direction) => openSsh(run, direction, ssh)),
    );
  }
  return carriers;
}

function agentAlone(
  direction: Direction,
  { name }: Subject,
  carry: (bytes: number) => Promise<number>,
): Carrier {
  return { name: `${direction} agent ${name}`, carry, starts: false };
}

function bothEnds(
  run: Run,
  direction: Direction,
  framing: "json" | "raw",
  { name, client }: Subject,
  socket: string,
  flags: readonly string[] = [],
): Carrier {
  return {
    name: `${direction} ${framing} ${name}`,
    carry: (bytes) =>
      run.jobs.run(
        direction === "stdout"
          ? client!(socket, zeros(bytes), flags)
          : fromZeros(bytes, client!(socket, SINK, flags)),
      ),
    starts: true,
  };
}

/** Two processes and a unix socket between them, with nothing on it but bytes. */
function socat(run: Run, buffer: number): Carrier {
  const path = `${run.folder}/socat-${buffer}`;
  const command = ["socat", "-u", "-b", String(buffer)];
  return {
    name: `socat -b ${buffer}`,
    async carry(bytes) {
      await using listener = run.jobs.start([
        ...command,
        ...[`UNIX-LISTEN:${path}`, "-"],
      ]);
      await until(() => existsSync(path), "socat to listen");
      const start = performance.now();
      // The socket is there a moment before anybody listens on it.
      const address = `UNIX-CONNECT:${path},retry=100,interval=0.01`;
      await run.jobs.run(fromZeros(bytes, [...command, "-", address]));
      await listener.status;
      return performance.now() - start;
    },
    starts: true,
  };
}

function openSsh(
  run: Run,
  direction: Direction,
  ssh: SharedConnection,
): Carrier {
  return {
    name: `${direction} OpenSSH`,
    carry: (bytes) =>
      run.jobs.run(
        direction === "stdout"
          ? ssh.command(zeros(bytes).join(" "))
          : fromZeros(bytes, ssh.command("exec cat >/dev/null")),
      ),
    starts: true,
  };
}

function shell(script: string, argv: readonly string[] = []): string[] {
  return ["sh", "-c", script, "sh", ...argv];
}

/** Returns the command that sends zeros to another one. */
function fromZeros(bytes: number, argv: readonly string[]): string[] {
  return shell(`head -c ${bytes} /dev/zero | "$@"`, argv);
}

/** Whether the client has the raw framing, and a flag that turns it off. */
async function hasRaw(run: Run): Promise<boolean> {
  const [program, ...rest] = run.subjects.own.client!("", []);
  const args = rest.slice(0, rest.indexOf("--unix"));
  const { stdout } = await new Deno.Command(program!, {
    args: [...args, "--help"],
    stderr: "inherit",
  }).output();
  const raw = new TextDecoder().decode(stdout).includes("--no-raw");
  if (!raw) {
    skip(run, "raw framing", "this client doesn't know of --no-raw");
  }
  return raw;
}

function describe(
  run: Run,
  rounds: Rounds,
  direction: Direction,
  raw: boolean,
): Row[] {
  const { own } = run.subjects;
  const [bound, slower] = SOCAT_BUFFERS.map((buffer) => `socat -b ${buffer}`)
    .flatMap((what) => references([what, rounds.median(what)]))
    .sort((a, b) => b.value - a.value);
  const row = (what: string, name: string): Row => ({
    measurement: "throughput",
    what: `${direction}, ${what}`,
    unit: "MiB/s",
    value: rounds.median(name)!,
    rounds: rounds.all(name),
    ...(bound && { bound }),
  });

  const agentName = `${direction} agent ${own.name}`;
  const agentPeer = rounds.median(`${direction} agent peer`);
  const factor = direction === "stdout" ? 3 : 8;
  const agent: Row = {
    ...row("agent alone, JSON", agentName),
    others: references(["peer", agentPeer]),
    targets: atLeast(
      rounds.median(agentName),
      times(factor, agentPeer),
      `${factor}x peer`,
    ),
    ceiling: rounds.median(`${direction} agent ${CANNED.name}`)!,
  };

  const others = [
    ...references(
      ["peer", rounds.median(`${direction} json peer`)],
      ["OpenSSH", rounds.median(`${direction} OpenSSH`)],
      ["pipe", rounds.median("pipe")],
    ),
    ...(slower ? [slower] : []),
  ];
  const jsonName = `${direction} json ${own.name}`;
  const json: Row = {
    ...row("both ends, JSON", jsonName),
    others,
    targets: atLeast(rounds.median(jsonName), 600, "600 MiB/s"),
  };
  if (!raw) return [agent, json];

  const rawName = `${direction} raw ${own.name}`;
  return [agent, json, {
    ...row("both ends, raw", rawName),
    others,
    targets: atLeast(rounds.median(rawName), times(0.8, bound?.value), "0.8x"),
  }];
}
