import { assert, assertEquals, assertRejects } from "@std/assert";
import { bounded } from "../tests/_bounded.ts";
import { runTrueBlocking } from "./blocking_exec.ts";
import { Jobs } from "./jobs.ts";
import {
  BLOCK_DATA,
  execRequest,
  receive,
  runMany,
  runTrue,
  send,
  Session,
} from "./load_generator.ts";
import { CANNED, startAgent } from "./subjects.ts";

/** Starts the agent that runs nothing. */
async function startCanned(stack: AsyncDisposableStack) {
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const jobs = stack.use(new Jobs());
  return stack.use(await startAgent({ folder, jobs }, CANNED));
}

Deno.test(
  "the load generator does its rounds with the agent that runs nothing",
  bounded(async () => {
    await using stack = new AsyncDisposableStack();
    const agent = await startCanned(stack);
    assert(await runTrue(agent) > 0);
    assert(runTrueBlocking(agent) > 0);
    assert(await runMany(agent, 20, 4) > 0);
    assert(await receive(agent, 3 * BLOCK_DATA) > 0);
    assert(await send(agent, 3 * BLOCK_DATA) > 0);
    using session = await Session.openEcho(agent);
    for (let left = 3; left > 0; left--) assert(await session.echo() > 0);
  }),
);

/** Answers every client with the same, after its first words. */
async function withAnswer(
  answer: string,
  test: (socket: string) => Promise<void>,
) {
  const folder = await Deno.makeTempDir();
  const socket = `${folder}/socket`;
  using listener = Deno.listen({ transport: "unix", path: socket });
  const served = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(1024));
    await connection.write(new TextEncoder().encode(answer));
  })();
  try {
    await test(socket);
  } finally {
    await served;
    await Deno.remove(folder, { recursive: true });
  }
}

for (
  const answer of [
    "",
    `{"type":"started","pid":1}\n`,
    `{"type":"error","message":"no"}\n`,
    `{"type":"started","pid":1}\n{"type":"exit","exit_code":1}\n`,
  ]
) {
  Deno.test(
    `runTrue() and receive() throw when the agent says ${
      JSON.stringify(answer)
    }`,
    bounded(async () => {
      for (const measure of [runTrue, receive]) {
        await withAnswer(answer, async (socket) => {
          await assertRejects(() => measure({ socket }, 0), Error, "The agent");
        });
      }
    }),
  );
}

Deno.test(
  "receive() throws when bytes are missing",
  bounded(async () => {
    await withAnswer(`{"type":"exit"}\n`, async (socket) => {
      await assertRejects(() => receive({ socket }, 99), Error, "for 99");
    });
  }),
);

Deno.test("execRequest() is one line of JSON", () => {
  const text = new TextDecoder().decode(execRequest(["a\n"], { tty: {} }));
  assertEquals(text, `{"type":"exec","argv":["a\\n"],"tty":{}}\n`);
});
