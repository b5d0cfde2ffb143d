import { assertEquals, assertMatch } from "@std/assert";
import { F_GETPIPE_SZ, O_NONBLOCK, O_RDONLY } from "../ffi/abi.ts";
import { Fd } from "../ffi/fd.ts";
import { libc } from "../ffi/libc.ts";
import { startAgent } from "./_agent.ts";
import { bounded, until, within } from "./_bounded.ts";
import { ENVIRONMENT, programArgs } from "./_program.ts";
import { run, start } from "./_redirected.ts";
import { lacks } from "./_tools.ts";
import { randomBytes, sha256, text } from "./_wire.ts";

const MIB = 1024 * 1024;

/** Returns how much the pipe holds that is a process's stdin. */
function pipeSize(pid: number): number {
  using fd = Fd.open(`/proc/${pid}/fd/0`, O_RDONLY | O_NONBLOCK);
  return libc().fcntl(fd.number, F_GETPIPE_SZ, 0);
}

Deno.test(
  "client passes on what its stdin holds, whatever that is",
  bounded(async (t) => {
    await using agent = await startAgent();
    await Deno.writeTextFile(`${agent.folder}/lines`, "one\ntwo\n");
    await Deno.writeTextFile(`${agent.folder}/empty`, "");
    const cases: [redirection: string, expected: string][] = [
      ["exec CLIENT < lines", "one\ntwo\n"],
      ["{ read -r _; CLIENT; } < lines", "two\n"],
      ["exec CLIENT < empty", ""],
      ["exec CLIENT < /dev/null", ""],
      ["exec CLIENT <&-", ""],
      ["cat lines | CLIENT", "one\ntwo\n"],
      ["true | CLIENT", ""],
      [
        "rm -f fifo; mkfifo fifo; cat lines > fifo & CLIENT < fifo",
        "one\ntwo\n",
      ],
      ["exec CLIENT <> lines", "one\ntwo\n"],
    ];
    for (const [redirection, expected] of cases) {
      await t.step(redirection, async () => {
        for (const flags of [[], ["--no-raw"]]) {
          assertEquals(await run(agent, redirection, undefined, flags), {
            ...{ code: 3, stdout: expected, stderr: "" },
          });
        }
      });
    }
  }),
);

Deno.test(
  "client passes on a large file unchanged, and as much of an endless one as is read",
  bounded(async () => {
    await using agent = await startAgent();
    const bytes = randomBytes(20 * MIB + 1);
    await Deno.writeFile(`${agent.folder}/file`, bytes);
    const [file, endless] = await Promise.all([
      run(agent, "exec CLIENT < file", ["sha256sum"]),
      run(agent, "exec CLIENT < /dev/zero", ["head", "-c", "3"]),
    ]);
    assertEquals(file, {
      ...{ code: 0, stdout: `${await sha256(bytes)}  -\n`, stderr: "" },
    });
    assertEquals(endless, { code: 0, stdout: "\0\0\0", stderr: "" });
  }),
);

Deno.test({
  name: "client passes on what comes by a socket",
  ignore: lacks("python3"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    const script = `
import socket, subprocess, sys
own, other = socket.socketpair()
client = subprocess.Popen(sys.argv[1:], stdin=other)
other.close()
own.sendall(b"x" * 1000000 + b"\\n")
own.shutdown(socket.SHUT_WR)
sys.exit(client.wait())`;
    const { code, stdout, stderr } = await new Deno.Command("python3", {
      args: [
        ...["-c", script],
        ...programArgs("client", ["--unix", agent.path, "--", "wc", "-c"]),
      ],
      env: ENVIRONMENT,
    }).output();
    assertEquals([code, text(stdout), text(stderr)], [0, "1000001\n", ""]);
  }),
});

Deno.test(
  "client passes on at once what a slow writer writes",
  bounded(async () => {
    await using agent = await startAgent();
    await using client = start(agent, "exec CLIENT", ["cat"]);
    for (const line of ["one\n", "two\n", "three\n"]) {
      await client.write(line);
      await client.stdout.expect(line);
    }
    await client.closeStdin();
    assertEquals(await client.code, 0);
    assertEquals(client.stdout.text, "one\ntwo\nthree\n");
  }),
);

Deno.test(
  "client gives the command no stdin where its own was never to be read",
  bounded(async (t) => {
    await using agent = await startAgent();
    for (
      const redirection of [
        // As nohup(1) has it.
        "exec CLIENT 0> /dev/null",
        "exec CLIENT 0>> file",
        "exec CLIENT <&-",
        // The end of a pipe that is for writing.
        "exec CLIENT 0>&1",
      ]
    ) {
      await t.step(redirection, async () => {
        assertEquals(await run(agent, redirection), {
          ...{ code: 3, stdout: "", stderr: "" },
        });
      });
    }
  }),
);

Deno.test(
  "client makes a pipe hold 1 MiB that is its stdin",
  bounded(async () => {
    await using agent = await startAgent();
    await using client = start(agent, "exec CLIENT", ["cat"]);
    assertMatch(Deno.readLinkSync(`/proc/${client.pid}/fd/0`), /^pipe:/);
    assertEquals(pipeSize(client.pid), 64 * 1024);
    await client.write("up\n");
    await client.stdout.expect("up\n");
    assertEquals(pipeSize(client.pid), MIB);
    await within(client.closeStdin(), "the end of stdin");
    assertEquals(await client.code, 0);
    await until(() => agent.children.length === 0, "the end of the command");
  }),
);
