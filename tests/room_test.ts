import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { output } from "../client/mod.ts";
import { type Agent, startAgent } from "./_agent.ts";
import { bounded, until, within } from "./_bounded.ts";
import { runClient } from "./_client.ts";
import { openDescriptors } from "./_proc.ts";
import { Transcript } from "./_transcript.ts";
import type { Wire } from "./_wire.ts";

/** A user who is neither root nor anybody in particular. */
const NOBODY = 65534;

const SLEEP = { type: "exec", argv: ["sleep", "60"] };

/** Opens sessions until there is no room for more, and returns them. */
async function occupy(agent: Agent): Promise<Wire[]> {
  const wires: Wire[] = [];
  for (;;) {
    const wire = await agent.open(SLEEP);
    const answer = await wire.read();
    if (answer?.type === "started") {
      wires.push(wire);
      continue;
    }
    assertEquals([answer?.type, answer?.["code"]], ["error", "busy"]);
    wire.close();
    return wires;
  }
}

function close(wires: readonly Wire[]): void {
  for (const wire of wires) wire.close();
}

/** Asks for `info` once, and returns whether it was answered. */
async function isInformed(agent: Agent): Promise<boolean> {
  using wire = await agent.connect();
  await wire.trySend(['{"type":"info"}\n']);
  return (await wire.read())?.type === "info";
}

Deno.test(
  "serve answers info at once while all sessions are taken, in whatever pieces it comes",
  bounded(async () => {
    await using agent = await startAgent({ args: ["--max-sessions=3"] });
    const sessions = await occupy(agent);
    for (let i = 0; i < 60; i++) {
      using wire = await agent.open('{"type":"info"}\n');
      const { frames } = await wire.readSession();
      assertEquals(frames.map(({ type }) => type), ["info", "exit"]);
    }
    using slow = await agent.connect();
    for (const part of ['{"ty', 'pe":"info","unkn', 'own":1}\r', "\n"]) {
      await slow.send(part);
    }
    assertEquals((await slow.readSession()).frames.length, 2);
    using half = await agent.open('{"type":"info"}');
    await half.closeWrite();
    assertEquals((await half.readSession()).frames.length, 2);
    const target = ["--unix", agent.path];
    const { code, stdout } = await runClient(target, { command: "info" });
    assertEquals(code, 0);
    assertStringIncludes(stdout, "version");
    // Each leaves its record, and no refusal but that of whom came too late.
    await until(() => agent.audit.length === 63, "the records");
    assert(agent.audit.every(({ kind }) => kind === "info"));
    const refused = agent.records.filter(({ limit }) =>
      limit === "--max-sessions"
    );
    assertEquals(refused.length, 1);
    close(sessions);
  }),
);

Deno.test(
  "serve answers info while others hold connections that say nothing, or only half of it",
  bounded(async () => {
    await using agent = await startAgent({ args: ["--max-sessions=2"] });
    const sessions = await occupy(agent);
    const before = openDescriptors(agent.pid).length;
    const held: Wire[] = [];
    // Whoever is closed comes again, until this is over.
    let over = false;
    const holders = Array.from({ length: 150 }, async (_, index) => {
      while (!over) {
        const wire = await agent.connect();
        held.push(wire);
        if (index % 2 === 0) await wire.trySend(['{"type":"info"']);
        while (await wire.read() !== undefined);
        wire.close();
      }
    });
    await until(
      () => openDescriptors(agent.pid).length >= before + 95,
      "all places to be taken",
    );
    let answered = 0;
    await until(async () => {
      if (await isInformed(agent)) answered++;
      return answered === 20;
    }, "20 answers");
    over = true;
    close(held);
    await Promise.all(holders);
    close(sessions);
  }),
);

Deno.test(
  "serve holds no place for those who stay silent while others want it",
  bounded(async () => {
    await using agent = await startAgent({ args: ["--max-sessions=1"] });
    const sessions = await occupy(agent);
    await until(async () => {
      const before = openDescriptors(agent.pid).length;
      const silent = await Promise.all(
        Array.from({ length: 100 }, () => agent.connect()),
      );
      await until(
        () => openDescriptors(agent.pid).length >= before + 95,
        "all places to be taken",
      );
      await until(() => isInformed(agent), "an answer");
      // Had its place not been given away, it would be told to try again later.
      const first = await silent[0]!.read();
      close(silent);
      return first === undefined;
    }, "a silent one to make room");
    close(sessions);
  }),
);

Deno.test(
  "client --wait waits until there is room, and says at last that there is none",
  bounded(async () => {
    await using agent = await startAgent({ args: ["--max-sessions=1"] });
    const sessions = await occupy(agent);
    const target = ["--unix", agent.path];
    const late = await runClient([
      ...[...target, "--wait", "300ms", "--", "true"],
    ]);
    assertEquals(late.code, 125);
    assertMatch(
      late.stderr,
      /^cocoon-agent: The agent has no room .*; try again/,
    );
    const refusals = () =>
      agent.records.filter(({ limit }) => limit === "--max-sessions").length;
    const before = await until(() => refusals(), "the refusals' records");
    // What goes with the time limit takes another connection first.
    const client = runClient([
      ...[...target, "--wait", "20s", "--timeout", "9s", "--", "echo", "hi"],
    ]);
    await until(() => refusals() > before, "the client to be refused");
    close(sessions);
    const { code, stdout, stderr } = await client;
    assertEquals([code, stdout, stderr], [0, "hi\n", ""]);
  }),
);

Deno.test({
  name: "serve keeps room for each caller whom it can tell apart from others",
  // Only root can be both of them.
  ignore: Deno.uid() !== 0,
  fn: bounded(async () => {
    const capabilities = "+dac_override,+dac_read_search";
    await using agent = await startAgent({
      args: ["--max-sessions=8"],
      prefix: [
        ...["setpriv", `--euid=${NOBODY}`, `--regid=${NOBODY}`],
        // The agent's program may be in a directory that only root may enter. For
        // access(2) the real user has to be root as well.
        ...["--clear-groups", `--inh-caps=${capabilities}`],
        `--ambient-caps=${capabilities}`,
      ],
    });
    await Deno.chmod(agent.folder, 0o755);
    // The agent's own user takes what it can have, then root does.
    for (const nobodyFirst of [true, false]) {
      await until(() => agent.children.length === 0, "the commands' end");
      const order = [() => Stranger.occupy(agent), () => Root.occupy(agent)];
      if (!nobodyFirst) order.reverse();
      const [first, second] = [await order[0]!(), await order[1]!()];
      await using _first = first;
      await using _second = second;
      assertEquals([first.sessions, second.sessions], [6, 2]);
      for (const { refusal } of [first, second]) {
        assertEquals(refusal["code"], "busy");
      }
      assertMatch(
        String(first.refusal["message"]),
        /^The agent has no room for another session of this caller: it keeps what is left of 8 \(--max-sessions\) for others; try again later$/,
      );
      assertStringIncludes(
        String(second.refusal["message"]),
        "it may have 8 at once (--max-sessions)",
      );
      assert(await isInformed(agent));
    }
    await until(() => agent.children.length === 0, "the commands' end");
    const { code } = await output({ unix: agent.path }, ["true"]);
    assertEquals(code, 0);
  }),
});

/** Sessions of one caller, as many as that one can have. */
interface Occupation extends AsyncDisposable {
  readonly sessions: number;
  readonly refusal: Readonly<Record<string, unknown>>;
}

const Root = {
  async occupy(agent: Agent): Promise<Occupation> {
    const wires = await occupy(agent);
    using wire = await agent.open(SLEEP);
    const refusal = await wire.expect("error");
    return {
      sessions: wires.length,
      refusal,
      // deno-lint-ignore require-await -- as the other one
      [Symbol.asyncDispose]: async () => close(wires),
    };
  },
};

const Stranger = {
  async occupy(agent: Agent): Promise<Occupation> {
    const process = new Deno.Command("/usr/bin/env", {
      args: ["python3", "-c", OCCUPY, agent.path, JSON.stringify(SLEEP)],
      uid: NOBODY,
      gid: NOBODY,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const shown = new Transcript(process.stdout);
    const [, sessions, refusal] = await shown.expect(/^(\d+) (.*)\n/);
    return {
      sessions: Number(sessions),
      refusal: JSON.parse(refusal!),
      [Symbol.asyncDispose]: async () => {
        await process.stdin.close();
        await within(process.status, "the stranger's end");
      },
    };
  },
};

/** Runs a command until the agent refuses, says how often, and waits. */
const OCCUPY = `
import socket, sys
held = []
while True:
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(sys.argv[1])
    s.sendall(sys.argv[2].encode() + b"\\n")
    answer = s.makefile("rb").readline().decode()
    if '"started"' not in answer:
        break
    held.append(s)
print(len(held), answer, end="", flush=True)
sys.stdin.read()
`;
