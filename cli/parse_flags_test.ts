import { assertEquals, assertThrows } from "@std/assert";
import { type Flag, UsageError } from "./command.ts";
import { parseFlags } from "./parse_flags.ts";

const FLAGS: readonly Flag[] = [
  { name: "port", value: "PORT", description: "" },
  { name: "wait", value: "TIME", description: "" },
  { name: "env", alias: "e", value: "K=V", repeatable: true, description: "" },
  { name: "json", description: "" },
];

const parse = (...args: string[]) => parseFlags(args, FLAGS);

Deno.test("parseFlags() takes values after a space or an equals sign", () => {
  assertEquals(parse("--port", "1").get("port"), "1");
  assertEquals(parse("--port=1").get("port"), "1");
  assertEquals(parse().get("port"), undefined);
  assertEquals(parse("--json").has("json"), true);
  assertEquals(parse().has("json"), false);
});

Deno.test("parseFlags() collects repeatable flags in order, whole", () => {
  const flags = parse("-e", "A=1", "--env", "B=x=y", "--env=C=", "-e=D=2");
  assertEquals(flags.all("env"), ["A=1", "B=x=y", "C=", "D=2"]);
  assertEquals(parse().all("env"), []);
});

Deno.test("parseFlags() leaves everything after -- alone", () => {
  const flags = parse("--json", "--", "sh", "--port", "-e", "--", "", "007");
  assertEquals(flags.rest, ["sh", "--port", "-e", "--", "", "007"]);
  assertEquals(flags.get("port"), undefined);
});

for (
  const [args, message] of [
    [["--prot", "1"], `Unknown flag "--prot"; did you mean "--port"?`],
    [["--jsn=1"], `Unknown flag "--jsn"; did you mean "--json"?`],
    [["-x"], `Unknown flag "-x"`],
    [["ls"], `Unexpected argument "ls"`],
    [["--port"], "--port needs a value"],
    [["--port="], "--port needs a value"],
    [["--port", "--json"], "--port needs a value"],
    [["--port", "1", "--port", "2"], "--port can be given only once"],
    [["-eA=B"], `Cannot parse "-eA=B": put a space`],
  ] as const
) {
  Deno.test(`parseFlags() throws when given ${args.join(" ")}`, () => {
    assertThrows(() => parse(...args), UsageError, message);
  });
}

Deno.test("ParsedFlags.integer() throws when the value is no integer in range", () => {
  assertEquals(parse("--port=0").integer("port", 10), 0);
  assertEquals(parse("--port=10").integer("port", 10), 10);
  for (const value of ["11", "-1", "1.5", "1e1", "0x1", "x", " 1"]) {
    assertThrows(
      () => parse(`--port=${value}`).integer("port", 10),
      UsageError,
      `--port must be an integer from 0 to 10, got "${value}"`,
    );
  }
});

Deno.test("ParsedFlags.duration() takes a number with a unit", () => {
  const duration = (value: string) => parse(`--wait=${value}`).duration("wait");
  assertEquals(duration("500ms"), 500);
  assertEquals(duration("1.5s"), 1500);
  assertEquals(duration("2m"), 120_000);
  assertEquals(duration("24h"), 86_400_000);
  for (const value of ["5", "s", "-1s", "25h", "1 s", "1d"]) {
    assertThrows(
      () => duration(value),
      UsageError,
      "--wait must be a duration",
    );
  }
});
