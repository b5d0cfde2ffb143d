/**
 * Fuzzing the client's command line by hostile agents.
 *
 * @module
 */

import fc from "fast-check";
import { startClient } from "../tests/_client.ts";
import {
  describeAnswer,
  hostileAgent,
  type HostileAnswer,
  hostileAnswer,
  hostileTarget,
} from "./client_inputs.ts";
import { valueOf } from "./inputs.ts";
import {
  type Batch,
  Finding,
  type OpenPart,
  type Part,
  type PartRun,
  runParallel,
} from "./part.ts";
import { mixSeed } from "./random.ts";

/** How many clients there are at a time. */
const PARALLEL = 2;
/** How long a client may take, in milliseconds, most of it to start. */
const PATIENCE = 20_000;

/** What a client does with a hostile agent. */
interface CommandInput {
  readonly answer: HostileAnswer;
  readonly command: "client" | "info";
  /** Its flags beside those that name the agent. */
  readonly flags: readonly string[];
}

const commandInput: fc.Arbitrary<CommandInput> = fc.record({
  answer: hostileAnswer,
  command: fc.constantFrom("client", "client", "client", "info"),
  flags: fc.constantFrom(
    ...[[], [], ["-t"], ["--cwd", "/"], ["--timeout", "1s"], ["--no-raw"]],
  ),
});

/** The part of the fuzzer that is a hostile agent to the client's command line. */
export const clientCommands: Part = {
  name: "command",
  inputs: 60,
  batch: 20,
  share: 0.1,
  open,
};

// deno-lint-ignore require-await -- there is nothing to wait for
async function open({ seed }: PartRun): Promise<OpenPart> {
  return {
    run: (batch: Batch) =>
      runParallel(batch, PARALLEL, async (index) => {
        const input = valueOf(commandInput, mixSeed(seed, index));
        try {
          await meet(input);
        } catch (error) {
          throw new Finding(
            index,
            `${input.command} ${input.flags.join(" ")} of ${
              describeAnswer(input.answer)
            }`,
            error,
          );
        }
      }),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Runs a client, which must end, and not by a failure that it didn't expect. */
async function meet(
  { answer, command, flags }: CommandInput,
): Promise<void> {
  await using agent = hostileAgent(answer);
  const target = Object.entries(hostileTarget(agent.path, answer))
    .map(([kind, path]) => `--${kind}=${path}`);
  const args = command === "info" ? target : [...target, ...flags, "--", "x"];
  await using client = startClient(
    ["--connect-timeout", "500ms", ...args],
    { command, stdin: "some input" },
  );
  const { code, stderr } = await client.output(PATIENCE);
  if (code < 0 || code > 255) throw new Error(`It ended with ${code}`);
  if (/Uncaught|^\s+at .*:\d+:\d+\)?$/m.test(stderr)) {
    throw new Error(`It didn't expect this: ${stderr}`);
  }
}
