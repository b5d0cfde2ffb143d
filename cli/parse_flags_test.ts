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
    [["--port", ""], "--port needs a value"],
    [["-e", ""], "--env needs a value"],
    [["--port=1", ""], `Unexpected argument ""`],
    [["--json=no"], "--json takes no value"],
    [["--json="], "--json takes no value"],
    [["--hlep"], `Unknown flag "--hlep"; did you mean "--help"?`],
    [["--port", "--json"], "--port needs a value"],
    [["--port", "-1"], `one that begins with "-" is written --port=VALUE`],
    [["--port", "1", "--port", "2"], "--port can be given only once"],
    [["-eA=B"], `Cannot parse "-eA=B": put a space`],
  ] as const
) {
  Deno.test(`parseFlags() throws when given ${args.join(" ")}`, () => {
    assertThrows(() => parse(...args), UsageError, message);
  });
}

Deno.test("parseFlags() guesses no flag that isn't near", () => {
  const error = assertThrows(() => parse("--detach"), UsageError);
  assertEquals(error.message, `Unknown flag "--detach"`);
});

Deno.test("parseFlags() knows whether arguments go after --", () => {
  const message = (takesArguments: boolean) =>
    assertThrows(() => parseFlags(["ls"], FLAGS, { takesArguments })).message;
  assertEquals(message(false), `Unexpected argument "ls"`);
  assertEquals(
    message(true),
    `Unexpected argument "ls": a command to run goes after "--"`,
  );
});

Deno.test("parseFlags() says what is known about a flag that isn't there", () => {
  for (const arg of ["-i", "-ij"]) {
    assertThrows(
      () => parseFlags([arg], FLAGS, { hints: { [arg]: "no need" } }),
      UsageError,
      `Unknown flag "${arg}": no need`,
    );
  }
});

Deno.test("ParsedFlags.integer() throws when the value is no integer in range", () => {
  assertEquals(parse("--port=1").integer("port", 1, 10), 1);
  assertEquals(parse("--port=10").integer("port", 1, 10), 10);
  for (const value of ["11", "0", "-1", "1.5", "1e1", "0x1", "x", " 1"]) {
    assertThrows(
      () => parse(`--port=${value}`).integer("port", 1, 10),
      UsageError,
      `--port must be an integer from 1 to 10, got "${value}"`,
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

Deno.test("ParsedFlags.bytes() takes a number with or without a unit", () => {
  const bytes = (value: string) =>
    parse(`--wait=${value}`).bytes("wait", 1024, 2 ** 31);
  assertEquals(bytes("65536"), 65536);
  assertEquals(bytes("64K"), 65536);
  assertEquals(bytes("3M"), 3 * 2 ** 20);
  assertEquals(bytes("2G"), 2 ** 31);
  for (const value of ["1023", "3G", "-1", "1.5M", "1T", "1k", "K", "1MB"]) {
    assertThrows(
      () => bytes(value),
      UsageError,
      `--wait must be a size from 1K to 2G, in bytes or with K, M or G behind it, got "${value}"`,
    );
  }
});
