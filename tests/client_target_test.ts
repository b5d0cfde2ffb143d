import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { runClient } from "./_client.ts";
import { leakless } from "./_leakless.ts";
import { Peer } from "./_peer.ts";
import type { Wire } from "./_wire.ts";

// What a path may lead to in the place of an agent.

/** Runs a client to its end, and returns the one line that it says. */
async function complaint(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runClient([
    ...[...args, "--connect-timeout", "2s", "true"],
  ]);
  assertEquals([code, stdout], [125, ""], stderr);
  assertMatch(stderr, /^cocoon-agent: [^\n]*\n$/);
  return stderr;
}

/** Answers a request, and stays open where it doesn't end the connection. */
function answering(answer: string | Uint8Array) {
  return async (wire: Wire, closing: Promise<void>) => {
    await wire.readChunk();
    await wire.trySend([answer]);
    await closing;
  };
}

const OTHERS: readonly [
  name: string,
  handle: (wire: Wire, closing: Promise<void>) => Promise<void>,
][] = [
  [
    "an HTTP server",
    async (wire) => {
      await wire.readChunk();
      await wire.trySend(["HTTP/1.1 400 Bad Request\r\n\r\n"]);
    },
  ],
  ["an sshd", answering("SSH-2.0-OpenSSH_9.2p1\r\n")],
  [
    "a QMP monitor",
    answering(
      '{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": []}}\r\n',
    ),
  ],
  [
    "an echo server",
    async (wire) => {
      for (;;) {
        const chunk = await wire.readChunk();
        if (chunk === undefined) return;
        await wire.trySend([chunk]);
      }
    },
  ],
  ["a Redis", answering("-ERR unknown command\r\n")],
  ["a JSON server", answering('{"type":"hello","id":1}\n')],
  ["one with a prompt that has no end", answering("login: ")],
  [
    "a TLS server",
    async (wire) => {
      await wire.readChunk();
      await wire.trySend([Uint8Array.of(0x15, 3, 1, 0, 2, 2, 0x46)]);
    },
  ],
];

for (const [name, handle] of OTHERS) {
  Deno.test(
    `client names ${name} as no agent`,
    leakless(async () => {
      await using peer = new Peer(handle);
      const [direct, waiting, behind] = await Promise.all([
        complaint("--unix", peer.path),
        complaint("--unix", peer.path, "--wait", "20s"),
        name.includes("no end") ? undefined : complaint("--uds", peer.path),
      ]);
      for (const message of [direct, waiting]) {
        assertStringIncludes(
          message,
          `There is no cocoon-agent at "${peer.path}"`,
        );
      }
      if (behind === undefined) return;
      assertStringIncludes(behind, `port 1024 behind "${peer.path}"`);
      assertStringIncludes(behind, "no cocoon-agent");
    }),
  );
}

Deno.test(
  "client says what to use where the socket is an agent's own",
  leakless(async () => {
    await using agent = await startAgent();
    const message = await complaint("--uds", agent.path);
    assertStringIncludes(message, "use --unix");
  }),
);

Deno.test(
  "client says that nobody listens behind a hybrid socket that closes at once",
  leakless(async () => {
    await using peer = new Peer(async () => {});
    for (let attempt = 0; attempt < 5; attempt++) {
      assertStringIncludes(
        await complaint("--uds", peer.path),
        "nobody listens there",
      );
    }
  }),
);

Deno.test(
  "client tells folders, files, stale sockets and missing ones apart",
  leakless(async () => {
    const folder = await Deno.makeTempDir({ prefix: "target-" });
    try {
      const [file, stale] = [`${folder}/file`, `${folder}/stale`];
      await Deno.writeTextFile(file, "");
      // Deno removes the file when it closes the socket, if it finds it.
      const listener = Deno.listen({ transport: "unix", path: `${stale}.0` });
      await Deno.rename(`${stale}.0`, stale);
      listener.close();
      const cases: [path: string, reason: string][] = [
        [folder, "it is a folder, and no socket"],
        [file, "it is a plain file, and no socket"],
        ["/dev/null", "it is no socket"],
        [stale, "nobody listens on this socket any more: Connection refused"],
        [`${folder}/none`, "No such file or directory (ENOENT)"],
        [`${file}/none`, "Not a directory (ENOTDIR)"],
      ];
      for (const [path, reason] of cases) {
        const messages = await Promise.all([
          complaint("--unix", path),
          complaint("--uds", path),
          complaint("--unix", path, "--wait", "100ms"),
        ]);
        for (const message of messages) {
          assertStringIncludes(message, reason);
          assertEquals(message.split(path).length, 2, message);
        }
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }),
);
