/**
 * An agent that gets no more descriptors, or no more processes.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import type { Agent } from "../_agent.ts";
import { sleep, until } from "../_bounded.ts";
import { Running } from "../_running.ts";
import { dataFrame, decodeData, text, type Wire } from "../_wire.ts";
import type { Fault } from "./_fault.ts";

/** How an agent is started that may have few descriptors. */
export const FEW_DESCRIPTORS: readonly string[] = [
  "prlimit",
  "--nofile=64",
  "--",
];
/** How long an agent that has a descriptor again may take to use it, in milliseconds. */
const PAUSE = 300;

/**
 * Takes all descriptors that an agent of {@linkcode FEW_DESCRIPTORS} has left,
 * by connections without a word, until it says that it cannot accept.
 *
 * @param agent The agent.
 * @param silent The connections, to which those are added that it takes.
 */
export async function exhaustDescriptors(
  agent: Agent,
  silent: Wire[],
): Promise<void> {
  await until(async () => {
    silent.push(await agent.connect());
    return agent.records.some(({ level, message }) =>
      level === "WARN" && String(message).includes("EMFILE")
    );
  }, "the agent to be out of descriptors");
}

/** Sends a line through a `cat`. */
async function checkEcho(wire: Wire): Promise<void> {
  await wire.send(dataFrame("stdin", "on\n"));
  assertEquals(text(decodeData(await wire.expect("stdout"))), "on\n");
}

/** Runs a command until its answer is `busy`, and returns the message. */
async function untilBusy(agent: Agent): Promise<string> {
  return await until(async () => {
    using wire = await agent.connect();
    await wire.trySend([{ type: "exec", argv: ["true"] }]);
    const { end } = await wire.readSession();
    return end["code"] === "busy" && String(end["message"]);
  }, "a command to be refused");
}

/** The calls that start a process, of which not every architecture has all. */
const CLONE = "clone,clone3,?fork,?vfork";

/**
 * Makes a fault of system calls that the kernel refuses for a while.
 *
 * @param error The error that they get.
 * @param what What the kernel gives, such as "no process".
 * @param calls The calls.
 * @param check Checks what new commands come to meanwhile, and says it.
 */
function refusal(
  error: string,
  what: string,
  calls: string,
  check: (agent: Agent) => Promise<string>,
): Fault {
  return {
    name: `${error}: the kernel gives ${what}`,
    needs: ["strace"],
    asRoot: true,
    inject: async (agent, duration) => {
      using before = await agent.open({ type: "exec", argv: ["cat"] });
      await before.expectStarted();
      await using strace = new Running([
        ...["strace", "--follow-forks", "--output=/dev/null"] as const,
        ...["-e", `trace=${calls}`, "-e", `inject=${calls}:error=${error}`],
        `--attach=${agent.pid}`,
      ]);
      await strace.stderr.expect("attached");
      await check(agent);
      await checkEcho(before);
      await sleep(duration);
      await checkEcho(before);
      const came = await check(agent);
      strace.kill("SIGINT");
      await strace.code;
      return `${came}; who was there went on`;
    },
  };
}

/** Makes a fault without which no command can be run. */
function shortage(error: string, what: string, calls: string): Fault {
  return refusal(error, what, calls, async (agent) => {
    assertMatch(
      await untilBusy(agent),
      new RegExp(`^Cannot run "true": .*${error}`),
    );
    return 'new commands were answered "busy"';
  });
}

/** What runs has run: it mustn't be answered `busy` that nobody can watch it. */
async function checkRuns(agent: Agent): Promise<string> {
  for (let i = 0; i < 5; i++) {
    const { stdout, end } = await agent.exec(["sh", "-c", "echo $0", `${i}`]);
    assertEquals([text(stdout), end.type], [`${i}\n`, "exit"]);
  }
  return "new commands ran, and were looked at 20 times a second";
}

/** What an agent lacks. */
export const EXHAUSTION: readonly Fault[] = [
  {
    name: "EMFILE: connections take the last descriptors",
    needs: ["prlimit"],
    agent: { prefix: FEW_DESCRIPTORS },
    inject: async (agent, duration) => {
      using before = await agent.open({ type: "exec", argv: ["cat"] });
      await before.expectStarted();
      const silent: Wire[] = [];
      try {
        await exhaustDescriptors(agent, silent);
        using late = await agent.open({ type: "exec", argv: ["true"] });
        const answered = late.readSession(duration + 10_000);
        await checkEcho(before);
        await sleep(duration);
        await checkEcho(before);
        // One descriptor is enough to say that it isn't enough.
        let waiting = true;
        answered.finally(() => waiting = false).catch(() => {});
        while (waiting) {
          silent.shift()?.close();
          await sleep(PAUSE);
        }
        const { end } = await answered;
        assertEquals(end["code"], "busy");
        assertMatch(String(end["message"]), /^Cannot run "true": .*EMFILE/);
      } finally {
        for (const wire of silent) wire.close();
      }
      // It closes its ends a moment later.
      await until(
        async () => (await agent.exec(["true"])).end.type === "exit",
        "a command to be run again",
      );
      return "who was there went on; who came later waited until it was over";
    },
  },
  shortage("EAGAIN", "no process", CLONE),
  shortage("ENOMEM", "no memory for a process", CLONE),
  shortage("ENFILE", "no pipe", "pipe2"),
  refusal(
    "EMFILE",
    "no descriptor to watch a command with",
    "pidfd_open",
    checkRuns,
  ),
  refusal("EPERM", "no way to watch a command", "pidfd_open", checkRuns),
];
