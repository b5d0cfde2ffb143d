import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import type { Connection, UnixPeer } from "./connection.ts";
import { dial } from "./dial.ts";
import { OsError } from "./errno.ts";
import { listen, type Listener } from "./listener.ts";
import { effectiveUserId } from "./system.ts";
import { until, withoutFdLeaks } from "./_test_utils.ts";

async function withSocketPath(
  fn: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await withoutFdLeaks(() => fn(`${folder}/socket`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function accept(listener: Listener): Promise<Connection> {
  for await (const connection of listener) return connection;
  throw new Error("The listener was closed");
}

const unix = (path: string) => ({ transport: "unix", path }) as const;

Deno.test("dial() and listen() carry bytes both ways, and know the peer", async () => {
  await withSocketPath(async (path) => {
    using listener = listen(unix(path));
    const [server, client] = await Promise.all([
      accept(listener),
      dial(unix(path)),
    ]);
    using _server = server;
    using _client = client;
    const peer = server.peer as UnixPeer;
    assertEquals(peer.pid, Deno.pid);
    assertEquals(peer.uid, effectiveUserId());
    for (const [from, to] of [[client, server], [server, client]] as const) {
      const writer = from.writable.getWriter();
      await writer.write(Uint8Array.of(1, 2, 3));
      writer.releaseLock();
      const reader = to.readable.getReader();
      assertEquals((await reader.read()).value, Uint8Array.of(1, 2, 3));
      reader.releaseLock();
    }
  });
});

Deno.test("dial() fails with the reason when nobody listens", async () => {
  await withSocketPath(async (path) => {
    const error = await assertRejects(() => dial(unix(path)), OsError);
    assertEquals(error.code, "ENOENT");
    listen(unix(path)).close();
    await Deno.writeTextFile(path, "");
    const refused = await assertRejects(() => dial(unix(path)), OsError);
    assertEquals(
      refused.message,
      `Cannot connect to unix socket "${path}": Connection refused (ECONNREFUSED)`,
    );
  });
});

Deno.test("dial() gives up when its signal is aborted while the backlog is full", async () => {
  await withSocketPath(async (path) => {
    using listener = listen(unix(path));
    assert(listener);
    const pending: Connection[] = [];
    const full = new AbortController();
    setTimeout(() => full.abort(new Error("enough")), 300);
    try {
      await assertRejects(
        async () => {
          for (;;) pending.push(await dial(unix(path), full));
        },
        Error,
        "enough",
      );
    } finally {
      for (const connection of pending) connection.close();
    }
  });
});

Deno.test("listen() makes the socket private, and removes it at the end", async () => {
  await withSocketPath(async (path) => {
    const listener = listen(unix(path));
    const { mode } = await Deno.lstat(path);
    assertEquals(mode! & 0o777, 0o600);
    listener.close();
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  });
});

Deno.test("listen() replaces a stale socket, but neither a live one nor a file", async () => {
  await withSocketPath(async (path) => {
    // Another name for the file of a listener that is gone.
    const gone = listen(unix(`${path}-gone`));
    await Deno.link(`${path}-gone`, path);
    gone.close();
    assert((await Deno.lstat(path)).isSocket);
    using listener = listen(unix(path));
    assert(listener);
    const live = assertThrows(() => listen(unix(path)), OsError);
    assertEquals(live.code, "EADDRINUSE");
    assertStringIncludes(live.message, ", where somebody listens: ");

    const file = `${path}-file`;
    await Deno.writeTextFile(file, "precious");
    assertThrows(
      () => listen(unix(file)),
      OsError,
      `Cannot bind unix socket "${file}", where a file is no socket: Address already in use (EADDRINUSE)`,
    );
    assertEquals(await Deno.readTextFile(file), "precious");
  });
});

Deno.test("Listener.close() leaves a socket alone that took its path over", async () => {
  await withSocketPath(async (path) => {
    const first = listen(unix(path));
    await Deno.remove(path);
    using second = listen(unix(path));
    assert(second);
    first.close();
    assert((await Deno.lstat(path)).isSocket);
  });
});

Deno.test("Connection.watchLoss() tells a full close from a half-close", async () => {
  await withSocketPath(async (path) => {
    using listener = listen(unix(path));
    const [server, client] = await Promise.all([
      accept(listener),
      Deno.connect(unix(path)),
    ]);
    using _ = server;
    const lost = server.watchLoss();
    await client.closeWrite();
    const reader = server.readable.getReader();
    assert((await reader.read()).done);
    assert(!lost.aborted);
    client.close();
    await until(() => lost.aborted, 1000);
  });
});

Deno.test("Connection.watchLoss() sees a full close while nobody reads", async () => {
  await withSocketPath(async (path) => {
    using listener = listen(unix(path));
    const [server, client] = await Promise.all([
      accept(listener),
      Deno.connect(unix(path)),
    ]);
    using _ = server;
    const lost = server.watchLoss();
    await client.write(new Uint8Array(1000));
    client.close();
    await until(() => lost.aborted, 1000);
  });
});

Deno.test("Listener accepts again when descriptors are free again", async () => {
  await withSocketPath(async (path) => {
    // In a process of its own, whose limit is low.
    const script = `
      import { listen } from "${import.meta.resolve("./listener.ts")}";
      const path = ${JSON.stringify(path)};
      const files = [];
      const listener = listen({ transport: "unix", path }, {
        onPause(error) {
          console.log("paused", error.code);
          for (const file of files) file.close();
        },
      });
      const client = Deno.connect({ transport: "unix", path });
      try {
        for (;;) files.push(Deno.openSync("/dev/null"));
      } catch { /* The limit is reached. */ }
      for await (const connection of listener) {
        console.log("accepted");
        connection.close();
        break;
      }
      (await client).close();
      listener.close();
    `;
    const child = new Deno.Command("sh", {
      args: [
        "-c",
        `ulimit -n 64; exec "$0" run --quiet --no-check --allow-all -`,
        Deno.execPath(),
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await ReadableStream.from([script]).pipeThrough(new TextEncoderStream())
      .pipeTo(child.stdin);
    const { stdout, stderr } = await child.output();
    assertEquals(new TextDecoder().decode(stderr), "");
    assertEquals(
      new TextDecoder().decode(stdout),
      "paused EMFILE\naccepted\n",
    );
  });
});

Deno.test("Listener leaves timers their turn when connections never stop coming", async () => {
  await withSocketPath(async (path) => {
    using listener = listen(unix(path));
    // On a busy machine the backlog may be full for a moment.
    const script = `for (let i = 0; i < 5000;) {
      const options = { transport: "unix", path: ${JSON.stringify(path)} };
      const connection = await Deno.connect(options).catch(() => undefined);
      if (connection) i++;
      connection?.close();
    }`;
    const crowd = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", script],
      stderr: "null",
    }).spawn();
    let accepted = 0;
    let acceptedByTimer = 0;
    for await (const connection of listener) {
      connection.close();
      if (accepted++ === 0) {
        setTimeout(() => acceptedByTimer = accepted, 0);
      }
      if (accepted === 5000) break;
    }
    assert(acceptedByTimer > 0, "no timer fired while 5000 were accepted");
    await crowd.status;
  });
});
