import {
  assertEquals,
  assertLessOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import { runClient } from "./_client.ts";
import { onTerminal } from "./_terminal.ts";
import { lacks } from "./_tools.ts";

/** Programs that edit their lines themselves, and what they are told to print 7. */
const EDITORS: readonly {
  name: string;
  argv: readonly string[];
  line: string;
}[] = [
  { name: "bash", argv: ["bash"], line: "echo $((3+4))" },
  { name: "python3", argv: ["python3", "-q"], line: "print(3+4)" },
  { name: "node", argv: ["node"], line: "3+4" },
  { name: "gdb", argv: ["gdb", "-q", "-nx"], line: "print 3+4" },
];

for (const { name, argv, line } of EDITORS) {
  Deno.test({
    name: `client -t ends ${name} when its stdin ends`,
    ignore: lacks(name),
    fn: bounded(async () => {
      await using agent = await startAgent();
      for (const stdin of ["", `${line}\n`, line]) {
        const { code, stdout } = await runClient(onTerminal(agent, ...argv), {
          stdin,
        });
        assertEquals(code, 0, `${JSON.stringify(stdin)}:\n${stdout}`);
        if (stdin !== "") assertMatch(stdout, /(^|[^+])7/m);
      }
    }),
  });
}

Deno.test({
  name:
    "client -t ends a shell that begins to edit lines late, and what it runs",
  ignore: lacks("bash") || lacks("python3"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    await Deno.writeTextFile(
      `${agent.folder}/rc`,
      "sleep 0.5\nstty -a >/dev/null\nread -t 0.2 -n 1\nsleep 0.2\nPS1='> '\n",
    );
    const { code, stdout } = await runClient(
      onTerminal(agent, "bash", "--rcfile", `${agent.folder}/rc`),
      { stdin: "" },
    );
    assertEquals(code, 0, stdout);
    // One end for each of the two.
    const nested = await runClient(
      onTerminal(agent, "bash", "--norc"),
      { stdin: "python3 -q\nprint(3+4)\n" },
    );
    assertEquals(nested.code, 0, nested.stdout);
    assertStringIncludes(nested.stdout, "\n7\r\n");
  }),
});

Deno.test({
  name: "client -t types the end of stdin for the program that reads then",
  ignore: lacks("bash"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    const path = `${agent.folder}/typed`;
    // A machine that is busy may let a shell take long to change the modes.
    const typed: string[] = [];
    while (typed.length < 5 && typed.at(-1) !== "") {
      const { code, stdout } = await runClient(
        onTerminal(agent, "bash", "--norc"),
        { stdin: `cat > ${path}\n` },
      );
      assertEquals(code, 0, stdout);
      typed.push(await Deno.readTextFile(path));
    }
    // The end of input is no byte of what cat reads.
    assertEquals(typed.at(-1), "");
  }),
});

/** Reads bytes after a while, behind modes that throw away what was typed. */
const FLUSHING = `
import sys, termios, time, tty
time.sleep(0.5)
tty.setcbreak(0, termios.TCSAFLUSH)
byte = sys.stdin.buffer.raw.read(1)
tty.setcbreak(0, termios.TCSAFLUSH)
sys.exit(0 if (byte, sys.stdin.buffer.raw.read(1)) == (b"\\4", b"\\4") else 1)
`;

/** Reads bytes as they come, and prints how many there were in four seconds. */
const COUNTING = `
import os, select, time, tty
tty.setraw(0)
count, end = 0, time.time() + 4
while time.time() < end:
    if select.select([0], [], [], 0.1)[0]:
        count += len(os.read(0, 100))
print("read", count)
`;

Deno.test({
  name:
    "client -t types the end of stdin again where it was thrown away, and no flood",
  ignore: lacks("python3"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    const run = (script: string) =>
      runClient(onTerminal(agent, "python3", "-c", script), { stdin: "" });
    const [flushing, counting] = await Promise.all([
      run(FLUSHING),
      run(COUNTING),
    ]);
    assertEquals(flushing.code, 0, flushing.stdout);
    const [, count] = counting.stdout.match(/read (\d+)/) ?? [];
    assertLessOrEqual(Number(count), 8);
  }),
});
