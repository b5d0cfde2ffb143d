/**
 * Fuzzing the client's API by hostile agents.
 *
 * @module
 */

import fc from "fast-check";
import {
  AgentError,
  ConnectionError,
  info,
  output,
  ProtocolError,
  spawn,
  UnsupportedError,
} from "../client/mod.ts";
import { bindAll } from "../ffi/libc.ts";
import { until, within } from "../tests/_bounded.ts";
import { openDescriptors } from "../tests/_proc.ts";
import {
  describeAnswer,
  hostileAgent,
  type HostileAnswer,
  hostileAnswer,
  hostileTarget,
} from "./client_inputs.ts";
import { chunkSizes, cut, valueOf } from "./inputs.ts";
import {
  type Batch,
  Finding,
  type OpenPart,
  type Part,
  type PartRun,
  runParallel,
} from "./part.ts";
import { mixSeed } from "./random.ts";
import { Buffer } from "node:buffer";

/** How many calls there are at a time. */
const PARALLEL = 8;
/** How long a call may take that an agent doesn't hold up, in milliseconds. */
const PATIENCE = 10_000;
/** How long connecting may take, and the command of an agent that never ends. */
const TIMEOUT = 300;
/** The most output that `output()` is to collect, in bytes. */
const MAX_BYTES = 150_000;
/** How long descriptors may take to be closed, in milliseconds. */
const CLEANUP = 3000;

/** What a client does with a hostile agent. */
interface CallInput {
  readonly answer: HostileAnswer;
  /** The call. */
  readonly call: "output" | "info" | "spawn" | "place" | "terminal" | "cancel";
  /** How many bytes of stdin it sends. */
  readonly stdin: number;
  /** How its writes are cut. */
  readonly sizes: readonly number[];
}

const callInput: fc.Arbitrary<CallInput> = fc.record({
  answer: hostileAnswer,
  call: fc.constantFrom(
    ...["output", "output", "info", "spawn", "spawn", "place"] as const,
    ...["terminal", "cancel"] as const,
  ),
  stdin: fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 300_000 })),
  sizes: chunkSizes,
});

/** The part of the fuzzer that is a hostile agent to the client's API. */
export const clientCalls: Part = {
  name: "client",
  inputs: 4000,
  batch: 500,
  share: 0.2,
  open,
};

// deno-lint-ignore require-await -- there is nothing to wait for
async function open({ seed }: PartRun): Promise<OpenPart> {
  bindAll();
  const rejections: unknown[] = [];
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    rejections.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", onRejection);
  return {
    async run(batch: Batch) {
      const before = openDescriptors("self");
      await runParallel(batch, PARALLEL, async (index) => {
        const input = valueOf(callInput, mixSeed(seed, index));
        try {
          await meet(input);
        } catch (error) {
          throw new Finding(
            index,
            `${input.call} of ${describeAnswer(input.answer)}`,
            error,
          );
        }
      });
      await until(
        () => openDescriptors("self").length <= before.length,
        () =>
          `the client to close descriptors: ${
            openDescriptors("self").filter((file) => !before.includes(file))
          }`,
        CLEANUP,
      );
      if (rejections.length > 0) {
        throw new Error(`Nobody handled a rejection: ${rejections[0]}`, {
          cause: rejections[0],
        });
      }
    },
    // deno-lint-ignore require-await -- there is nothing to wait for
    async [Symbol.asyncDispose]() {
      globalThis.removeEventListener("unhandledrejection", onRejection);
    },
  };
}

/** Makes a call, which must end, and in one of the ways that it says. */
async function meet(input: CallInput): Promise<void> {
  await using agent = hostileAgent(input.answer);
  await within(
    call(agent.path, input).catch(checkFailure),
    `the end of ${input.call}`,
    PATIENCE,
  );
}

async function call(path: string, input: CallInput): Promise<void> {
  const target = hostileTarget(path, input.answer);
  const options = { connectTimeout: TIMEOUT };
  switch (input.call) {
    case "output": {
      const { code, stdout, stderr } = await output(target, ["x"], {
        ...options,
        maxBytes: MAX_BYTES,
        signal: AbortSignal.timeout(2 * TIMEOUT),
      });
      checkCode(code);
      for (const { length } of [stdout, stderr]) {
        if (length > MAX_BYTES) throw new Error(`${length} bytes came`);
      }
      return;
    }
    case "info":
      await info(target, options);
      return;
    case "spawn":
      return await converse(target, input, options);
    case "place":
      return await converse(target, input, { ...options, cwd: "/" });
    case "terminal":
      return await converse(target, input, {
        ...options,
        tty: { rows: 24, cols: 80 },
      });
    case "cancel": {
      await using process = await spawn(target, ["x"], options);
      await process.stdout.cancel();
      await process.stderr.cancel();
      const over = process.status.then(({ code }) => checkCode(code));
      const killer = setTimeout(() => process.kill("SIGKILL"), TIMEOUT);
      await over.finally(() => clearTimeout(killer));
    }
  }
}

type SpawnParameters = Parameters<typeof spawn>;

/** Feeds a command, listens to it, and sends it whatever can be sent. */
async function converse(
  target: SpawnParameters[0],
  { stdin, sizes }: CallInput,
  options: NonNullable<SpawnParameters[2]>,
): Promise<void> {
  await using process = await spawn(target, ["x"], options);
  const killer = setTimeout(() => process.kill("SIGKILL"), TIMEOUT);
  const feed = async () => {
    const writer = process.stdin.getWriter();
    writer.closed.catch(() => {});
    for (const chunk of cut(Buffer.alloc(stdin), sizes)) {
      await writer.write(chunk);
    }
    await writer.close();
  };
  try {
    if (process.features.includes("tty")) {
      process.resize({ rows: 30, cols: 100 });
    }
    if (process.features.includes("signals")) process.kill("SIGUSR1");
    // The command may have ended before it took all.
    const fed = feed().catch((error) => {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    });
    const results = await Promise.allSettled([
      new Response(process.stdout).arrayBuffer(),
      new Response(process.stderr).arrayBuffer(),
      fed,
    ]);
    checkCode((await process.status).code);
    for (const result of results) {
      if (result.status === "rejected") throw result.reason;
    }
  } finally {
    clearTimeout(killer);
  }
}

function checkCode(code: number): void {
  if (!Number.isInteger(code) || code < 0 || code > 255) {
    throw new Error(`The exit code is ${code}`);
  }
}

/** The ways to fail that the API says. */
function checkFailure(error: unknown): void {
  const known = error instanceof ConnectionError ||
    error instanceof AgentError || error instanceof UnsupportedError ||
    error instanceof ProtocolError ||
    // More output than wanted, and an aborted signal.
    (error instanceof RangeError && /longer than/.test(error.message)) ||
    (error instanceof DOMException && error.name === "TimeoutError");
  if (!known) throw error;
}
