import { assertEquals, assertRejects } from "@std/assert";
import { UsageError } from "../cli/command.ts";
import { parseFlags } from "../cli/parse_flags.ts";
import { F_SETFD, O_RDONLY } from "../ffi/abi.ts";
import { Fd } from "../ffi/fd.ts";
import { libc } from "../ffi/libc.ts";
import { EXEC_FLAGS, parseDescriptor, parseExecFlags } from "./exec_flags.ts";
import { InputError } from "./failure.ts";

function parse(...args: string[]) {
  return parseExecFlags(parseFlags([...args, "--", "true"], EXEC_FLAGS));
}

function descriptor(name: "control-fd" | "status-fd", ...args: string[]) {
  return parseDescriptor(
    parseFlags(args, EXEC_FLAGS),
    name,
    name === "control-fd" ? "readable" : "writable",
  );
}

Deno.test("parseExecFlags() asks for nothing where nothing is asked", async () => {
  assertEquals(await parse(), {
    argv: ["true"],
    tty: false,
    escape: 0x7e,
    raw: true,
    placement: { env: {}, limits: {} },
  });
});

Deno.test("parseExecFlags() takes --no-raw", async () => {
  assertEquals((await parse("--no-raw")).raw, false);
});

Deno.test("parseExecFlags() takes limits", async () => {
  const { placement: { limits } } = await parse(
    "--memory=1G",
    "--pids=5",
    "--cpu=0.5",
  );
  assertEquals(limits, { memory: 2 ** 30, pids: 5, cpu: 0.5 });
});

Deno.test("parseExecFlags() takes where, as whom and for how long", async () => {
  const { placement } = await parse(
    ...["-w", "/srv", "-u", "admin:adm", "--timeout", "1.5s", "--clear-env"],
  );
  assertEquals(placement, {
    env: {},
    clearEnv: true,
    cwd: "/srv",
    user: "admin:adm",
    timeout: 1500,
    limits: {},
  });
});

Deno.test("parseExecFlags() lets later files and --env win", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [one, two] = [`${folder}/one`, `${folder}/two`];
    await Deno.writeTextFile(one, "A=1\nB=1\nC=1\n__proto__=1\n");
    await Deno.writeTextFile(two, "B=2\nC=2\n");
    const { placement } = await parse(
      ...["-e", "C=3", "--env-file", one, "--env-file", two, "-e", "D==4"],
    );
    assertEquals(
      Object.entries(placement.env!).sort(),
      [["A", "1"], ["B", "2"], ["C", "3"], ["D", "=4"], ["__proto__", "1"]],
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("parseExecFlags() passes a variable of its own on, if it is set", async () => {
  Deno.env.set("EXEC_FLAGS_TEST", "a=b c");
  Deno.env.set("EXEC_FLAGS_EMPTY", "");
  Deno.env.delete("EXEC_FLAGS_UNSET");
  const { placement } = await parse(
    ...["-e", "EXEC_FLAGS_TEST", "-eEXEC_FLAGS_EMPTY"],
    ...["-e", "EXEC_FLAGS_UNSET", "-e", "B=1"],
  );
  assertEquals(placement.env, {
    EXEC_FLAGS_TEST: "a=b c",
    EXEC_FLAGS_EMPTY: "",
    B: "1",
  });
});

Deno.test("parseExecFlags() takes a character, a control character or none for --escape", async () => {
  const cases: [value: string, code: number | undefined][] = [
    ["~", 0x7e],
    ["%", 0x25],
    ["^", 0x5e],
    ["^]", 0x1d],
    ["^b", 0x02],
    ["^B", 0x02],
    ["^?", 0x7f],
    ["none", undefined],
  ];
  for (const [value, code] of cases) {
    assertEquals((await parse("-t", `--escape=${value}`)).escape, code, value);
  }
});

const WRONG: readonly [args: string[], message: string][] = [
  [["-t", "--escape", "~~"], `or none, got "~~"`],
  [["-t", "--escape", "^1"], `or none, got "^1"`],
  [["-t", "--escape", "é"], `or none, got "é"`],
  [["--escape", "~"], "--escape needs -t"],
  [["--timeout", "0s"], "--timeout must be more than 0"],
  [["--timeout", "5"], "--timeout must be a duration"],
  [["-e", "=b"], '--env must be K=V, got "=b"; K alone passes'],
];
for (const [args, message] of WRONG) {
  Deno.test(`parseExecFlags() throws when given ${args.join(" ")}`, async () => {
    await assertRejects(() => parse(...args), UsageError, message);
  });
}

Deno.test("parseExecFlags() throws when a file of variables is none", async () => {
  await assertRejects(
    () => parse("--env-file", "/nonexistent"),
    InputError,
    '"/nonexistent"',
  );
});

Deno.test("parseDescriptor() takes a descriptor that was inherited", async () => {
  assertEquals(await descriptor("control-fd"), undefined);
  using file = Fd.open("/dev/null", O_RDONLY);
  libc().fcntl(file.number, F_SETFD, 0);
  const flag = ["--control-fd", String(file.number)];
  assertEquals(await descriptor("control-fd", ...flag), file.number);
});

Deno.test("parseDescriptor() says what is wrong with a descriptor", async () => {
  using file = Fd.open("/dev/null", O_RDONLY);
  const own = String(file.number);
  const cases: [args: string[], message: string][] = [
    [["--status-fd", "2"], "--status-fd must be 3 or more, got 2"],
    [["--status-fd", "x"], "--status-fd must be an integer"],
    [["--status-fd", "1234567"], "--status-fd 1234567 is not open: start"],
    // The runtime's own.
    [["--status-fd", own], `--status-fd ${own} is not open`],
  ];
  for (const [args, message] of cases) {
    await assertRejects(
      () => descriptor("status-fd", ...args),
      UsageError,
      message,
    );
  }
  await assertRejects(
    () => descriptor("control-fd", "--control-fd=7", "--status-fd=7"),
    UsageError,
    "--control-fd and --status-fd must not be the same",
  );
  libc().fcntl(file.number, F_SETFD, 0);
  await assertRejects(
    () => descriptor("status-fd", "--status-fd", own),
    UsageError,
    `--status-fd ${own} is open, but not writable`,
  );
});
