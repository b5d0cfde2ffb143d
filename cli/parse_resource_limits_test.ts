import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "./command.ts";
import { parseFlags } from "./parse_flags.ts";
import { parseResourceLimits } from "./parse_resource_limits.ts";

const FLAGS = ["memory", "pids", "cpu"].map((name) => ({
  name,
  value: "N",
  description: "",
}));

function parse(...args: string[]) {
  return parseResourceLimits(parseFlags(args, FLAGS));
}

Deno.test("parseResourceLimits() returns what is limited, and nothing else", () => {
  assertEquals(parse(), {});
  assertEquals(
    parse("--memory", "64M", "--pids", "10", "--cpu", "0.5"),
    { memory: 64 * 2 ** 20, pids: 10, cpu: 0.5 },
  );
  assertEquals(parse("--cpu=2"), { cpu: 2 });
});

Deno.test("parseResourceLimits() throws on what is no limit", () => {
  for (
    const arg of [
      ...["--memory=1K", "--memory=lots", "--pids=0", "--pids=1.5"],
      ...["--cpu=0", "--cpu=-1", "--cpu=1e3", "--cpu=half", "--cpu=9999"],
    ]
  ) {
    assertThrows(() => parse(arg), UsageError, arg.split("=")[0], arg);
  }
});
