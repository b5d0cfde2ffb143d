import { assertEquals, assertRejects } from "@std/assert";
import { AgentError, output, spawn } from "../../client/mod.ts";
import { until } from "../_bounded.ts";
import { runClient } from "../_client.ts";
import { randomBytes, sha256 } from "../_wire.ts";
import { bootFiles, Guest, startObserver, withGuests } from "./_guest.ts";
import { sh } from "./_shell.ts";

const MIB = 1024 * 1024;
/** How long the last of them may wait for its turn, in milliseconds. */
const PATIENCE = 60_000;
const SESSIONS = 50;

Deno.test(
  "The agent runs commands in a guest over real vsock",
  withGuests(async (t) => {
    using files = await bootFiles();
    await using guest = await Guest.boot(files);
    const { target } = guest;
    const client = (...args: string[]) =>
      runClient(["--uds", target.uds, ...args]);
    const agent = await guest.sh("pidof cocoon-agent");
    const observer = await startObserver(guest);
    /** Counts the agent's children. */
    const countChildren = async () =>
      Number(await sh(observer, "cat /proc/$1/task/*/children | wc -w", agent));
    /** Counts the agent's descriptors, some of which may just be closed. */
    const countDescriptors = async () =>
      Number(await sh(observer, "ls /proc/$1/fd 2>/dev/null | wc -l", agent));
    const before = await countDescriptors();

    await t.step(
      "with their output, errors, variables and exit code",
      async () => {
        const script = 'echo "out $A"; echo err >&2; exit 7';
        const { code, stdout, stderr } = await client(
          ...["-e", "A=b c", "--", "sh", "-c", script],
        );
        assertEquals([code, stdout, stderr], [7, "out b c\n", "err\n"]);
      },
    );

    await t.step("with their input", async () => {
      const { code, stdout } = await runClient(
        ["--uds", target.uds, "--", "tr", "a-z", "A-Z"],
        { stdin: "hello\n" },
      );
      assertEquals([code, stdout], [0, "HELLO\n"]);
    });

    await t.step("with the signal that ended them", async () => {
      const status = await output(target, ["sh", "-c", "kill -TERM $$"]);
      assertEquals([status.code, status.signal], [143, "SIGTERM"]);
      const { code } = await client("--", "sh", "-c", "kill -KILL $$");
      assertEquals(code, 137);
    });

    await t.step("and says which it cannot run", async () => {
      const error = await assertRejects(
        () => output(target, ["no-such-program"]),
        AgentError,
      );
      assertEquals(error.code, "not_found");
      assertEquals((await client("--", "no-such-program")).code, 127);
      assertEquals((await client("--", "/etc/passwd")).code, 126);
    });

    await t.step("with 16 MiB of input, unchanged", async () => {
      const bytes = randomBytes(16 * MIB);
      await using process = await spawn(target, ["sha256sum"]);
      await new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
        .pipeTo(process.stdin);
      const sum = await new Response(process.stdout).text();
      assertEquals(sum.split(" ")[0], await sha256(bytes));
    });

    await t.step("with 16 MiB of output, unchanged", async () => {
      const sum = await guest.sh(
        "head -c 16777216 /dev/urandom >/tmp/data; sha256sum </tmp/data",
      );
      const { stdout } = await output(target, ["cat", "/tmp/data"]);
      assertEquals(stdout.length, 16 * MIB);
      assertEquals(await sha256(stdout), sum.split(" ")[0]);
    });

    await t.step("with 10 MiB of input that is read late", async () => {
      const bytes = randomBytes(10 * MIB);
      await using process = await spawn(
        target,
        ["sh", "-c", "sleep 2; sha256sum"],
      );
      await new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
        .pipeTo(process.stdin);
      const sum = await new Response(process.stdout).text();
      assertEquals(sum.split(" ")[0], await sha256(bytes));
    });

    await t.step(`in ${SESSIONS} sessions at once`, async () => {
      const numbers = Array.from(
        { length: SESSIONS },
        (_, index) => `${index}`,
      );
      const processes = await Promise.all(
        numbers.map((number) =>
          spawn(target, ["sh", "-c", `cat; exit ${number}`], {
            connectTimeout: PATIENCE,
          })
        ),
      );
      // All run now: none gets its input before.
      assertEquals(await countChildren(), SESSIONS);
      const results = await Promise.all(
        processes.map(async (process, index) => {
          const writer = process.stdin.getWriter();
          await writer.write(new TextEncoder().encode(numbers[index]!));
          await writer.close();
          const stdout = await new Response(process.stdout).text();
          return [stdout, (await process.status).code];
        }),
      );
      assertEquals(results, numbers.map((number) => [number, Number(number)]));
    });

    await t.step("and leaves nothing behind", async () => {
      await until(
        async () => await countDescriptors() <= before,
        "the agent to close descriptors",
      );
      assertEquals(await countChildren(), 0);
    });
  }),
);
