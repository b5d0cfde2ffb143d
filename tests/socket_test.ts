import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { exists, launchAgent, startAgent } from "./_agent.ts";
import { bounded, within } from "./_bounded.ts";
import { ENVIRONMENT, programArgs } from "./_program.ts";
import { text } from "./_wire.ts";

/** A user who is neither root nor anybody in particular. */
const NOBODY = 65534;

/** Gives a test a folder that is removed behind it. */
function withFolder(
  test: (folder: string) => Promise<void>,
): (context: Deno.TestContext) => Promise<void> {
  return bounded(async () => {
    const folder = await Deno.makeTempDir({ prefix: "socket-" });
    try {
      await test(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test(
  "serve makes its socket for its own user alone",
  bounded(async () => {
    await using agent = await startAgent();
    const { mode, isSocket, uid } = await Deno.lstat(agent.path);
    assertEquals(mode! & 0o777, 0o600);
    assertEquals(isSocket, true);
    assertEquals(uid, Deno.uid());
  }),
);

Deno.test(
  "serve replaces a socket that a dead agent has left",
  withFolder(async (folder) => {
    const path = `${folder}/agent.sock`;
    {
      await using dead = await startAgent({ path });
      dead.kill("SIGKILL");
      await dead.status;
    }
    assert(exists(path));
    await using agent = await startAgent({ path });
    assertEquals(text((await agent.exec(["echo", "hi"])).stdout), "hi\n");
  }),
);

Deno.test(
  "serve refuses to take a live agent's socket",
  bounded(async () => {
    await using agent = await startAgent();
    await using second = launchAgent({ path: agent.path });
    second.mayEnd();
    assertEquals((await second.status).code, 1);
    assertStringIncludes(second.stderr, "Cannot bind");
    assertStringIncludes(second.stderr, "EADDRINUSE");
    assertStringIncludes(second.stderr, agent.path);
    assertEquals(text((await agent.exec(["echo", "hi"])).stdout), "hi\n");
  }),
);

Deno.test(
  "serve never removes what is no socket",
  withFolder(async (folder) => {
    const file = `${folder}/file`;
    const link = `${folder}/link`;
    const directory = `${folder}/directory`;
    await Deno.writeTextFile(file, "precious");
    await Deno.symlink(file, link);
    await Deno.mkdir(directory);
    for (const path of [file, link, directory]) {
      await using agent = launchAgent({ path });
      agent.mayEnd();
      assertEquals((await agent.status).code, 1, path);
      assertStringIncludes(agent.stderr, "Cannot bind");
    }
    assertEquals(await Deno.readTextFile(file), "precious");
    assertEquals(await Deno.readLink(link), file);
    assert((await Deno.stat(directory)).isDirectory);
  }),
);

Deno.test(
  "serve leaves a socket alone that has taken the place of its own",
  withFolder(async (folder) => {
    const path = `${folder}/agent.sock`;
    await using first = await startAgent({ path });
    await Deno.remove(path);
    {
      await using second = await startAgent({ path });
      first.kill("SIGTERM");
      assertEquals((await first.status).code, 0);
      assert(exists(path));
      assertEquals(text((await second.exec(["echo", "hi"])).stdout), "hi\n");
    }
    assertEquals(exists(path), false);
  }),
);

Deno.test(
  "serve says what is wrong with a path that cannot be bound",
  withFolder(async (folder) => {
    const cases: [path: string, reason: string][] = [
      [`${folder}/missing/agent.sock`, "ENOENT"],
      [`${folder}/${"x".repeat(200)}`, "107 bytes"],
    ];
    for (const [path, reason] of cases) {
      await using agent = launchAgent({ path });
      agent.mayEnd();
      assertEquals((await agent.status).code, 1, path);
      assertStringIncludes(agent.stderr, reason);
    }
  }),
);

Deno.test({
  name: "serve lets in root and its own user alone",
  // Only root can become somebody else.
  ignore: Deno.uid() !== 0,
  fn: bounded(async () => {
    await using agent = await startAgent();
    // Make sure that it is not the file's mode that keeps others out.
    await Deno.chmod(agent.folder, 0o755);
    await Deno.chmod(agent.path, 0o666);
    const { code, stdout, stderr } = await within(
      new Deno.Command("/usr/bin/env", {
        args: ["python3", "-c", STRANGER, agent.path],
        uid: NOBODY,
        gid: NOBODY,
      }).output(),
      "the stranger's end",
    );
    assertEquals(text(stderr), "");
    assertEquals([code, text(stdout)], [0, "closed\n"]);
    const refusal = await agent.waitForRecord(({ peer }) =>
      String(peer).startsWith(`uid ${NOBODY} `)
    );
    assertEquals(refusal["level"], "WARN");
    assertEquals(agent.audit, []);
    assertEquals(text((await agent.exec(["echo", "hi"])).stdout), "hi\n");
  }),
});

Deno.test(
  "serve says once why it cannot listen",
  bounded(async () => {
    const [program, ...args] = programArgs("serve", [
      "--listen",
      "unix:/nonexistent/agent.sock",
    ]);
    const { code, stderr } = await new Deno.Command(program, {
      args,
      env: ENVIRONMENT,
    }).output();
    const lines = text(stderr).trimEnd().split("\n");
    assertEquals([code, lines.length], [1, 1]);
    assertEquals(JSON.parse(lines[0]!).level, "ERROR");
    assertEquals(lines[0]!.split("/nonexistent/agent.sock").length, 2);
    assertEquals(lines[0]!.split("ENOENT").length, 2);
  }),
);

/** Asks for a command, and prints what comes of it. */
const STRANGER = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.connect(sys.argv[1])
try:
    s.sendall(b'{"type":"exec","argv":["id"]}\\n')
    answer = s.recv(65536)
except (BrokenPipeError, ConnectionResetError):
    answer = b""
print(answer.decode() or "closed")
`;
