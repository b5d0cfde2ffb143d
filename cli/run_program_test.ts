import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Command, UsageError } from "./command.ts";
import { formatCommandHelp, formatHelp } from "./help.ts";
import { runProgram } from "./run_program.ts";

const COMMAND: Command = {
  name: "copy",
  summary: "Copy something",
  usage: ["copy [FLAGS]"],
  flags: [
    { name: "to", alias: "t", value: "PATH", description: "Where to" },
    { name: "force", description: "Overwrite" },
  ],
  notes: "Exit codes:\n  0  done",
  usageExitCode: 9,
  run(flags) {
    if (flags.get("to") === undefined) throw new UsageError("Say where to");
    if (flags.has("force")) throw new Error("Disk is full");
    return Promise.resolve(7);
  },
};

const run = (...args: string[]) =>
  runProgram(args, "1.2.3", { copy: () => Promise.resolve(COMMAND) });

Deno.test("runProgram() returns the command's exit code", async () => {
  assertEquals(await run("copy", "--to", "x"), 7);
});

Deno.test("runProgram() returns the command's own code for a usage error", async () => {
  assertEquals(await run("copy"), 9);
  assertEquals(await run("copy", "--nope"), 9);
});

Deno.test("runProgram() returns 1 for a failure, and 2 for no or an unknown command", async () => {
  assertEquals(await run("copy", "--to", "x", "--force"), 1);
  assertEquals(await run(), 2);
  assertEquals(await run("cpoy"), 2);
  assertEquals(await run("__proto__"), 2);
});

Deno.test("runProgram() returns 0 for help and the version", async () => {
  for (
    const args of [
      ...[["help"], ["-h"], ["help", "copy"], ["version"], ["-V"]],
      ...[["help", "help"], ["help", "version"], ["help", "--help"]],
    ]
  ) {
    assertEquals(await run(...args), 0);
  }
  assertEquals(await run("copy", "--help"), 0);
});

Deno.test("formatCommandHelp() names every flag", () => {
  const help = formatCommandHelp(COMMAND);
  assertStringIncludes(help, "  cocoon-agent copy [FLAGS]");
  assertStringIncludes(help, "  -t, --to PATH  Where to");
  assertStringIncludes(help, "  --force        Overwrite");
  assertStringIncludes(help, "Exit codes:\n  0  done");
});

Deno.test("formatHelp() lists the commands", () => {
  assertStringIncludes(formatHelp([COMMAND]), "  copy  Copy something");
});
