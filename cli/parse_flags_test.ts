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
  const flags = parse(
    "-e",
    "A=1",
    "--env",
    "B=x=y",
    "--env=C=",
    "-e=D=2",
    "-eE=3",
  );
  assertEquals(flags.all("env"), ["A=1", "B=x=y", "C=", "D=2", "E=3"]);
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

const EXEC_FLAGS: readonly Flag[] = [
  ...FLAGS,
  { name: "tty", alias: "t", description: "" },
  { name: "interactive", alias: "i", description: "" },
  {
    ...{ name: "cwd", alias: "w", otherNames: ["workdir"] },
    ...{ value: "DIR", description: "" },
  },
];

/** Parses for a command that takes arguments, and returns all that was given. */
function parseExec(...args: string[]) {
  const flags = parseFlags(args, EXEC_FLAGS, { takesArguments: true });
  const given = EXEC_FLAGS.filter(({ name }) => flags.has(name))
    .map(({ name, value }) =>
      value === undefined ? [name] : [name, ...flags.all(name)]
    );
  return [given, flags.rest];
}

for (
  const [args, given, rest] of [
    [["-it", "sh"], [["tty"], ["interactive"]], ["sh"]],
    [["-ti", "--", "sh"], [["tty"], ["interactive"]], ["sh"]],
    [["-t", "-t"], [["tty"]], []],
    [["-tw", "/tmp", "ls"], [["tty"], ["cwd", "/tmp"]], ["ls"]],
    [["-w/tmp"], [["cwd", "/tmp"]], []],
    [["-tw/tmp"], [["tty"], ["cwd", "/tmp"]], []],
    [["-w=/tmp"], [["cwd", "/tmp"]], []],
    [["-w-"], [["cwd", "-"]], []],
    [["-w", "-"], [["cwd", "-"]], []],
    [["-wtt"], [["cwd", "tt"]], []],
    [["-eA=1", "-te=B=2"], [["env", "A=1", "B=2"], ["tty"]], []],
    [["-e", "A"], [["env", "A"]], []],
    [["--workdir", "/x"], [["cwd", "/x"]], []],
    [["--workdir=/x"], [["cwd", "/x"]], []],
    [["--port", "3", "ls", "-la"], [["port", "3"]], ["ls", "-la"]],
    [["ls", "--port", "3", "--", "-t"], [], ["ls", "--port", "3", "--", "-t"]],
    [["-t", "--", "--", "-x"], [["tty"]], ["--", "-x"]],
    [["--", ""], [], [""]],
    [["-", "x"], [], ["-", "x"]],
    [["ls", "--help"], [], ["ls", "--help"]],
  ] as const
) {
  Deno.test(`parseFlags() takes ${args.join(" ")} as getopt_long(3) does`, () => {
    const order = EXEC_FLAGS.map(({ name }) => name);
    const byFlag = given.toSorted(([one], [other]) =>
      order.indexOf(one) - order.indexOf(other)
    );
    assertEquals(parseExec(...args), [byFlag, [...rest]]);
  });
}

for (
  const [args, message] of [
    [["-tx"], `Unknown flag "-x" in "-tx"`],
    [["-prot"], `Unknown flag "-p" in "-prot"; did you mean "--port"?`],
    [["-port", "1"], `Unknown flag "-port"; did you mean "--port"?`],
    [["-env=A=1"], `Unknown flag "-env"; did you mean "--env"?`],
    [["-workdir", "/"], `Unknown flag "-workdir"; did you mean "--workdir"?`],
    [["-tty"], `Unknown flag "-tty"; did you mean "--tty"?`],
    [["-t=1"], "--tty takes no value"],
    [["-w"], "--cwd needs a value"],
    [["-w="], "--cwd needs a value"],
    [["-tw", "--", "ls"], "--cwd needs a value"],
    [["-w/a", "--workdir=/b"], "can be given only once"],
    [["--workdri=/x"], `did you mean "--workdir"?`],
    [["", "ls"], `Unexpected argument ""`],
  ] as const
) {
  Deno.test(`parseFlags() throws when a command is given ${args.join(" ")}`, () => {
    assertThrows(() => parseExec(...args), UsageError, message);
  });
}

Deno.test("parseFlags() looks no further than --help", () => {
  for (
    const args of [["--help", "--nope"], ["-h", "x"], ["--json", "-h"]] as const
  ) {
    assertEquals(parse(...args).has("help"), true);
  }
  assertEquals(parse("--", "--help").has("help"), false);
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
