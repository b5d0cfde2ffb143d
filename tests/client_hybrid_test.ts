import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { ConnectionError, info, output, spawn } from "../client/mod.ts";
import { type Agent, startAgent } from "./_agent.ts";
import { runClient } from "./_client.ts";
import { leakless } from "./_leakless.ts";
import { Peer } from "./_peer.ts";
import { text, type Wire } from "./_wire.ts";

/** What a hybrid socket answers, as Cloud Hypervisor and Firecracker do. */
const OK = "OK 1073741824\n";

/** A machine's hybrid socket, in front of an agent. */
function startHypervisor(agent: Agent, requests: string[]): Peer {
  return new Peer(async (host) => {
    requests.push(await host.readLine() ?? "");
    using guest = await agent.connect();
    await host.send(OK);
    await Promise.all([host.forwardTo(guest), guest.forwardTo(host)]);
  });
}

Deno.test(
  "client --uds runs a command behind a hybrid socket",
  leakless(async () => {
    await using agent = await startAgent();
    const requests: string[] = [];
    await using hypervisor = startHypervisor(agent, requests);
    const [plain, other] = await Promise.all([
      runClient(["--uds", hypervisor.path, "--", "cat"], { stdin: "hi\n" }),
      runClient([
        ...["--uds", hypervisor.path, "--port", "5000", "--wait", "5s"],
        ...["--", "sh", "-c", "exit 3"],
      ]),
    ]);
    assertEquals([plain.code, plain.stdout, plain.stderr], [0, "hi\n", ""]);
    assertEquals([other.code, other.stdout, other.stderr], [3, "", ""]);
    assertEquals(requests.toSorted(), [
      "CONNECT 1024",
      "CONNECT 5000",
      "CONNECT 5000",
    ]);
  }),
);

Deno.test(
  "output() reads no byte beyond the hybrid socket's answer",
  leakless(async () => {
    // All that the agent ever says comes with the answer, in one packet.
    await using peer = new Peer(async (wire) => {
      assertEquals(await wire.readLine(), "CONNECT 1024");
      await wire.send(
        `${OK}{"type":"started","pid":7}\n` +
          '{"type":"stdout","data":"aGk="}\n{"type":"exit","exit_code":4}\n',
      );
      assertEquals((await wire.read())?.type, "exec");
    });
    const { code, stdout } = await output({ uds: peer.path }, ["greet"]);
    assertEquals([code, text(stdout)], [4, "hi"]);
  }),
);

Deno.test(
  "output() takes the hybrid socket's answer in whatever pieces it comes",
  leakless(async () => {
    for (const reply of [OK, "OK 1024\n", "OK 4294967295\n"]) {
      await using peer = new Peer(async (wire) => {
        await wire.readLine();
        for (const byte of new TextEncoder().encode(reply)) {
          await wire.send(Uint8Array.of(byte));
        }
        await wire.expect("exec");
        await wire.send('{"type":"started","pid":7}\n{"type":"exit"}\n');
      });
      const { code } = await output({ uds: peer.path, port: 9 }, ["true"]);
      assertEquals(code, 0);
    }
  }),
);

Deno.test(
  "spawn() sends the request to the hybrid socket in one write, and waits for the answer",
  leakless(async () => {
    await using peer = new Peer(async (wire, closing) => {
      assertEquals(text((await wire.readChunk())!), "CONNECT 1024\n");
      // Nothing follows before the answer, which is what makes it safe.
      const early = wire.readChunk().then(() => "early");
      const order = [await Promise.race([early, pause()])];
      await wire.send(OK);
      order.push(await early);
      assertEquals(order, ["pause", "early"]);
      await wire.send('{"type":"started","pid":7}\n');
      await closing;
    });
    await using process = await spawn({ uds: peer.path }, ["true"]);
    assertEquals(process.pid, 7);
  }),
);

Deno.test(
  "spawn() rejects with a ConnectionError when the hybrid socket doesn't connect",
  async (t) => {
    await leakless(async () => {
      const cases: [
        name: string,
        handle: (wire: Wire, closing: Promise<void>) => Promise<void>,
        message: RegExp,
      ][] = [
        ["a silent close", async () => {}, /nobody listens there|ECONNRESET/],
        [
          "a close after the request",
          async (wire) => void await wire.readLine(),
          /nobody listens there/,
        ],
        [
          "a close in the answer",
          async (wire) => {
            await wire.readLine();
            await wire.send("OK 10737");
          },
          /nobody listens there/,
        ],
        [
          "silence",
          (_, closing) => closing,
          /no answer within 300 ms/,
        ],
        [
          "silence after OK",
          async (wire, closing) => {
            await wire.send(OK);
            await closing;
          },
          /no answer within 300 ms/,
        ],
        [
          "a close after OK",
          async (wire) => {
            await wire.readLine();
            await wire.send(OK);
            await wire.read();
          },
          /closed without an answer/,
        ],
        [
          "another answer",
          async (wire) => await wire.send("ERR no\x1b[31m such port\n"),
          /it answered "ERR no\\u001b\[31m such port"/,
        ],
        [
          "an answer without a port",
          async (wire) => await wire.send("OK\n"),
          /it answered "OK"/,
        ],
        [
          "an agent's frame",
          async (wire) => await wire.send('{"type":"started"}\n'),
          /it answered "\{/,
        ],
        [
          "an endless answer",
          async (wire) => await wire.trySend(Array(1000).fill("O".repeat(999))),
          /it answered "O{64}"/,
        ],
        [
          "binary garbage",
          async (wire) => await wire.send(Uint8Array.of(0, 255, 27, 10)),
          /it answered "/,
        ],
      ];
      for (const [name, handle, message] of cases) {
        await t.step(
          name,
          leakless(async () => {
            await using peer = new Peer(handle);
            const error = await assertRejects(
              () =>
                spawn({ uds: peer.path }, ["true"], { connectTimeout: 300 }),
              ConnectionError,
            );
            assertMatch(error.message, message);
            assertStringIncludes(
              error.message,
              `Cannot reach the agent at port 1024 behind "${peer.path}"`,
            );
          }),
        );
      }
    })(t);
  },
);

Deno.test(
  "client --uds --wait runs the command once the machine has booted",
  leakless(async () => {
    await using agent = await startAgent();
    let attempts = 0;
    await using hypervisor = new Peer(async (host) => {
      await host.readLine();
      // There is no listener in the machine yet.
      if (++attempts <= 4) return;
      using guest = await agent.connect();
      await host.send(OK);
      await Promise.all([host.forwardTo(guest), guest.forwardTo(host)]);
    });
    const { code, stdout, stderr } = await runClient([
      ...["--uds", hypervisor.path, "--wait", "9s", "--", "echo", "up"],
    ]);
    assertEquals([code, stdout, stderr], [0, "up\n", ""]);
    assert(attempts >= 5);
  }),
);

Deno.test(
  "info() describes the agent behind a hybrid socket",
  leakless(async () => {
    await using agent = await startAgent();
    await using hypervisor = startHypervisor(agent, []);
    const answer = await info({ uds: hypervisor.path });
    assertEquals(answer?.os, Deno.build.os);
  }),
);

async function pause(): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 100));
  return "pause";
}
