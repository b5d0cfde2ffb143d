import { assert, assertEquals, assertThrows } from "@std/assert";
import { toBytes } from "./_test_utils.ts";
import { encodeFrame } from "./encode_frame.ts";
import {
  type DataFrame,
  ERROR_CODES,
  type ExecFrame,
  type Frame,
  type InfoFrame,
  MAX_ARGUMENTS,
  MAX_FRAME_BYTES,
  MAX_VARIABLES,
} from "./frame.ts";
import { parseFrame } from "./parse_frame.ts";
import { ProtocolError } from "./protocol_error.ts";

function parse(line: string): Frame {
  return parseFrame(toBytes(line));
}

function assertRejects(line: string, message: string): void {
  assertThrows(() => parse(line), ProtocolError, message);
}

Deno.test("parseFrame() parses what Go peers write", () => {
  const data = toBytes("hi");
  const frames: [string, Frame][] = [
    [
      '{"type":"exec","argv":["sh","-c","echo \\u003e x \\u0026\\u0026 \\u003c y"],"env":{"A":"1"}}',
      {
        type: "exec",
        argv: ["sh", "-c", "echo > x && < y"],
        env: { A: "1" },
      },
    ],
    ['{"type":"exec","argv":["true"]}', {
      type: "exec",
      argv: ["true"],
      env: {},
    }],
    ['{"type":"exec","argv":["a\\u2028b","\\ufffd"]}', {
      type: "exec",
      argv: ["a\u2028b", "\ufffd"],
      env: {},
    }],
    [
      '{"type":"reseed","data":"aGk=","regen_machine_id":true}',
      { type: "reseed", data, regenMachineId: true },
    ],
    ['{"type":"reseed","data":"aGk="}', {
      type: "reseed",
      data,
      regenMachineId: false,
    }],
    ['{"type":"stdin","data":"aGk="}', { type: "stdin", data }],
    ['{"type":"stdin_close"}', { type: "stdin_close" }],
    ['{"type":"started","pid":42}', { type: "started", pid: 42 }],
    ['{"type":"stdout","data":"aGk="}', { type: "stdout", data }],
    ['{"type":"stderr","data":"aGk="}', { type: "stderr", data }],
    ['{"type":"exit"}', { type: "exit", exitCode: 0 }],
    ['{"type":"exit","exit_code":3}', { type: "exit", exitCode: 3 }],
    ['{"type":"exit","exit_code":-1}', { type: "exit", exitCode: -1 }],
    ['{"type":"error","message":"exec: \\"x\\": not found"}', {
      type: "error",
      message: 'exec: "x": not found',
    }],
  ];
  for (const [line, frame] of frames) {
    assertEquals(parse(line), frame, line);
  }
});

Deno.test("parseFrame() parses the extensions", () => {
  assertEquals(parse('{"type":"exit","exit_code":143,"signal":"SIGTERM"}'), {
    type: "exit",
    exitCode: 143,
    signal: "SIGTERM",
  });
  assertEquals(parse('{"type":"started","pid":42,"features":["flow"]}'), {
    type: "started",
    pid: 42,
    features: ["flow"],
  });
  assertEquals(
    parse(
      '{"type":"exec","argv":["vi"],"cwd":"/srv","user":"nobody","timeout_ms":1500,"clear_env":true,"tty":{"rows":24,"cols":80,"term":"xterm","more":1},"features":["flow"]}',
    ),
    {
      type: "exec",
      argv: ["vi"],
      env: {},
      cwd: "/srv",
      user: "nobody",
      timeoutMs: 1500,
      clearEnv: true,
      tty: { rows: 24, cols: 80, term: "xterm" },
      features: ["flow"],
    },
  );
  assertEquals(
    parse('{"type":"exec","memory_bytes":1048576,"pids":9,"cpus":0.5}'),
    {
      ...{ type: "exec", argv: [], env: {} },
      ...{ memoryBytes: 1048576, pids: 9, cpus: 0.5 },
    },
  );
  assertEquals(
    parse(
      '{"type":"exit","usage":{"cpu_ms":5,"peak_memory_bytes":4096,"oom_kills":1,"more":1}}',
    ),
    {
      type: "exit",
      exitCode: 0,
      usage: { cpuMs: 5, peakMemoryBytes: 4096, oomKills: 1 },
    },
  );
  assertEquals(parse('{"type":"exit","usage":{}}'), {
    type: "exit",
    exitCode: 0,
    usage: { cpuMs: 0 },
  });
  assertEquals(parse('{"type":"resize","rows":24,"cols":80}'), {
    type: "resize",
    rows: 24,
    cols: 80,
  });
  assertEquals(parse('{"type":"signal","signal":"SIGINT"}'), {
    type: "signal",
    signal: "SIGINT",
  });
  assertEquals(parse('{"type":"window","bytes":5}'), {
    type: "window",
    bytes: 5,
  });
  assertEquals(parse('{"type":"started","pid":4,"window":9}'), {
    type: "started",
    pid: 4,
    window: 9,
  });
  assertEquals(parse('{"type":"exit","timed_out":true}'), {
    type: "exit",
    exitCode: 0,
    timedOut: true,
  });
  for (const code of ERROR_CODES) {
    assertEquals(parse(`{"type":"error","message":"m","code":"${code}"}`), {
      type: "error",
      message: "m",
      code,
    });
  }
});

Deno.test("parseFrame() leaves out an error's code when it doesn't know it", () => {
  assertEquals(parse('{"type":"error","message":"m","code":"on_fire"}'), {
    type: "error",
    message: "m",
  });
});

Deno.test("parseFrame() tells an info request from an answer by the version", () => {
  assertEquals(parse('{"type":"info"}'), { type: "info" });
  assertEquals(parse('{"type":"info","version":null}'), { type: "info" });
  assertEquals(parse('{"type":"info","probe":true}'), {
    type: "info",
    probe: true,
  });
  assertEquals(
    parse(
      '{"type":"info","version":"1.2.3","protocol":1,"features":["raw"],"os":"linux","arch":"x86_64","boot_id":"b","uptime_ms":1.5,"landlock_abi":2,"more":[]}',
    ),
    {
      type: "info",
      info: {
        version: "1.2.3",
        protocol: 1,
        features: ["raw"],
        os: "linux",
        arch: "x86_64",
        bootId: "b",
        uptimeMs: 1.5,
        landlockAbi: 2,
      },
    },
  );
  const { info } = parse(
    '{"type":"info","version":"1","protocol":1,"os":"linux","arch":"x86_64","boot_id":"b","uptime_ms":1,"containment":"cgroup","controllers":["cpu"]}',
  ) as InfoFrame;
  assertEquals([info!.containment, info!.controllers], ["cgroup", ["cpu"]]);
});

Deno.test("parseFrame() takes a missing field as empty", () => {
  const data = new Uint8Array(0);
  assertEquals(parse('{"type":"exec"}'), { type: "exec", argv: [], env: {} });
  assertEquals(parse('{"type":"exec","argv":[]}'), {
    type: "exec",
    argv: [],
    env: {},
  });
  assertEquals(parse('{"type":"stdin"}'), { type: "stdin", data });
  assertEquals(parse('{"type":"reseed"}'), {
    type: "reseed",
    data,
    regenMachineId: false,
  });
  assertEquals(parse('{"type":"error"}'), { type: "error", message: "" });
  assertEquals(parse('{"type":"resize"}'), {
    type: "resize",
    rows: 0,
    cols: 0,
  });
  assertEquals(parse('{"type":"signal"}'), { type: "signal", signal: "" });
  assertEquals(parse('{"type":"window"}'), { type: "window", bytes: 0 });
});

Deno.test("parseFrame() takes null as missing", () => {
  const data = new Uint8Array(0);
  assertEquals(parse('{"type":"exec","argv":null,"env":null}'), {
    type: "exec",
    argv: [],
    env: {},
  });
  assertEquals(parse('{"type":"stdout","data":null}'), {
    type: "stdout",
    data,
  });
  assertEquals(parse('{"type":"reseed","data":null,"regen_machine_id":null}'), {
    type: "reseed",
    data,
    regenMachineId: false,
  });
  assertEquals(parse('{"type":"started","pid":1,"features":null}'), {
    type: "started",
    pid: 1,
  });
  assertEquals(parse('{"type":"exit","exit_code":null,"signal":null}'), {
    type: "exit",
    exitCode: 0,
  });
  assertEquals(parse('{"type":"error","message":null,"code":null}'), {
    type: "error",
    message: "",
  });
});

Deno.test("parseFrame() ignores fields that the type doesn't have", () => {
  assertEquals(parse('{"pid":"x","more":{"a":[1]},"type":"stdin_close"}'), {
    type: "stdin_close",
  });
  assertEquals(parse('{"type":"stdin","data":"aGk=","argv":5}'), {
    type: "stdin",
    data: toBytes("hi"),
  });
});

Deno.test("parseFrame() names an unknown type", () => {
  assertEquals(parse('{"type":"forward","port":24}'), {
    type: "unknown",
    name: "forward",
  });
  assertEquals(parse('{"type":""}'), { type: "unknown", name: "" });
  assertEquals(parse('{"type":"unknown"}'), {
    type: "unknown",
    name: "unknown",
  });
  assertEquals(parse('{"type":"constructor"}'), {
    type: "unknown",
    name: "constructor",
  });
  assertEquals(parse(`{"type":"${"a".repeat(100)}"}`), {
    type: "unknown",
    name: "a".repeat(64),
  });
});

Deno.test("parseFrame() takes __proto__ as any other variable", () => {
  const { env } = parse(
    '{"type":"exec","argv":["env"],"env":{"__proto__":"1","A":"2"}}',
  ) as ExecFrame;

  assertEquals(Object.entries(env), [["__proto__", "1"], ["A", "2"]]);
  assertEquals(env["toString"], undefined);
});

Deno.test("parseFrame() takes a type from the frame itself only", () => {
  assertRejects(
    '{"__proto__":{"type":"exit"}}',
    'Cannot parse frame: "type" is missing',
  );
});

Deno.test("parseFrame() takes the last of two fields when they share a name", () => {
  assertEquals(parse('{"type":"stdout","data":"aGk=","data":"aG8="}'), {
    type: "stdout",
    data: toBytes("ho"),
  });
});

Deno.test("parseFrame() throws when the line is not UTF-8", () => {
  for (const type of ["error", "stdin", "more"]) {
    const line = toBytes(`{"type":"${type}","data":"?"}`);
    line[line.indexOf(63)] = 0xff;
    assertThrows(
      () => parseFrame(line),
      ProtocolError,
      "Cannot parse frame: not valid UTF-8",
    );
  }
});

Deno.test("parseFrame() throws when the line is not JSON", () => {
  assertRejects("", 'Cannot parse frame "": not valid JSON');
  assertRejects(
    "GET / HTTP/1.1",
    'Cannot parse frame "GET / HTTP/1.1": not valid JSON',
  );
  assertRejects(
    '\ufeff{"type":"exit"}',
    "Cannot parse frame: not valid JSON",
  );
  assertRejects('{"type":"exit"}{}', "not valid JSON");
  assertRejects("{'type':'exit'}", "not valid JSON");
  assertRejects('{"type":"stdin","data":"}', "not valid JSON");
});

Deno.test("parseFrame() throws when the line is not a frame", () => {
  assertRejects("5", "Cannot parse frame: must be a JSON object, got number 5");
  assertRejects("null", "Cannot parse frame: must be a JSON object, got null");
  assertRejects("[]", "Cannot parse frame: must be a JSON object, got array");
  assertRejects('"exit"', "must be a JSON object, got string");
  assertRejects("{}", 'Cannot parse frame: "type" is missing');
  assertRejects('{"type":null}', 'Cannot parse frame: "type" is missing');
  assertRejects(
    '{"type":["exit"]}',
    'Cannot parse frame: "type" must be a string, got array',
  );
});

Deno.test("parseFrame() throws when a field has the wrong shape", () => {
  const info =
    '"type":"info","version":"1","protocol":1,"os":"","arch":"","boot_id":"","uptime_ms":0';
  const cases: [string, string][] = [
    ['"type":"exec","argv":5', '"argv" must be an array of strings'],
    ['"type":"exec","argv":"ls"', '"argv" must be an array of strings'],
    ['"type":"exec","argv":["ls",1]', '"argv" must be an array of strings'],
    ['"type":"exec","argv":[["ls"]]', '"argv" must be an array of strings'],
    ['"type":"exec","env":["A=1"]', '"env" must be an object of strings'],
    ['"type":"exec","env":{"A":1}', '"env" must be an object of strings'],
    ['"type":"exec","env":{"A":null}', '"env" must be an object of strings'],
    ['"type":"reseed","data":[1]', '"data" must be a string'],
    ['"type":"reseed","data":"aGk"', '"data" must be standard, padded base64'],
    [
      '"type":"reseed","regen_machine_id":1',
      '"regen_machine_id" must be a boolean',
    ],
    ['"type":"stdin","data":{}', '"data" must be a string'],
    ['"type":"stdin","data":"-_-_"', '"data" must be standard, padded base64'],
    ['"type":"stdout","data":5', '"data" must be a string'],
    ['"type":"stdout","data":"aGk"', '"data" must be standard, padded base64'],
    ['"type":"stderr","data":true', '"data" must be a string'],
    [
      '"type":"stderr","data":"aG k"',
      '"data" must be standard, padded base64',
    ],
    ['"type":"started"', '"pid" is missing'],
    ['"type":"started","pid":null', '"pid" is missing'],
    ['"type":"started","pid":"1"', '"pid" must be a non-negative integer'],
    ['"type":"started","pid":-1', '"pid" must be a non-negative integer'],
    ['"type":"started","pid":1.5', '"pid" must be a non-negative integer'],
    [
      '"type":"started","pid":1,"features":"raw"',
      '"features" must be an array of strings',
    ],
    ['"type":"exit","exit_code":"3"', '"exit_code" must be an integer'],
    ['"type":"exit","exit_code":1e99', '"exit_code" must be an integer'],
    ['"type":"exec","cwd":1', '"cwd" must be a string'],
    ['"type":"exec","user":0', '"user" must be a string'],
    [
      '"type":"exec","timeout_ms":-1',
      '"timeout_ms" must be a non-negative integer',
    ],
    ['"type":"exec","clear_env":"yes"', '"clear_env" must be a boolean'],
    [
      '"type":"exec","memory_bytes":1.5',
      '"memory_bytes" must be a non-negative integer',
    ],
    ['"type":"exec","pids":-1', '"pids" must be a non-negative integer'],
    ['"type":"exec","cpus":"2"', '"cpus" must be a non-negative number'],
    ['"type":"exit","usage":1', '"usage" must be an object'],
    [
      '"type":"exit","usage":{"oom_kills":-1}',
      '"usage.oom_kills" must be a non-negative integer',
    ],
    ['"type":"exec","tty":true', '"tty" must be an object'],
    [
      '"type":"exec","tty":{"rows":65536}',
      '"tty.rows" must be an integer from 0 to 65535',
    ],
    ['"type":"exec","tty":{"term":1}', '"tty.term" must be a string'],
    ['"type":"exec","features":"flow"', '"features" must be an array'],
    [
      '"type":"resize","rows":24,"cols":-1',
      '"cols" must be an integer from 0 to 65535',
    ],
    ['"type":"signal","signal":15', '"signal" must be a string'],
    ['"type":"window","bytes":1.5', '"bytes" must be a non-negative integer'],
    ['"type":"exit","signal":15', '"signal" must be a string'],
    ['"type":"exit","timed_out":1', '"timed_out" must be a boolean'],
    ['"type":"error","message":["m"]', '"message" must be a string'],
    ['"type":"error","code":2', '"code" must be a string'],
    ['"type":"info","version":1', '"version" must be a string'],
    ['"type":"info","probe":1', '"probe" must be a boolean'],
    [info.replace('"protocol":1', '"a":1'), '"protocol" is missing'],
    [info + ',"features":{}', '"features" must be an array of strings'],
    [info + ',"containment":1', '"containment" must be a string'],
    [info + ',"controllers":"cpu"', '"controllers" must be an array'],
    [info.replace('"os"', '"a"'), '"os" is missing'],
    [info.replace('"arch"', '"a"'), '"arch" is missing'],
    [info.replace('"boot_id"', '"a"'), '"boot_id" is missing'],
    [info.replace('"uptime_ms"', '"a"'), '"uptime_ms" is missing'],
    [
      info.replace('"uptime_ms":0', '"uptime_ms":-1'),
      '"uptime_ms" must be a non-negative number',
    ],
  ];
  for (const [fields, message] of cases) {
    const type = /"type":"(\w+)"/.exec(fields)![1];
    assertRejects(`{${fields}}`, `Cannot parse frame "${type}": ${message}`);
  }
});

Deno.test("parseFrame() keeps the peer's text out of messages beyond 64 characters", () => {
  const long = "A".repeat(10_000);
  const lines = [
    long,
    `{"type":"stdin","data":"${long}=A=="}`,
    `{"type":"exec","argv":"${long}"}`,
    `{"type":"exec","env":{"${long}":1}}`,
    `{"type":["${long}"]}`,
    `{"type":"exit","signal":{"${long}":1}}`,
  ];
  for (const line of lines) {
    const error = assertThrows(() => parse(line), ProtocolError);
    const shown = /A*/g;
    const longest = Math.max(
      ...error.message.match(shown)!.map((run: string) => run.length),
    );
    assert(longest <= 64, error.message);
  }
});

Deno.test("parseFrame() throws when JSON is nested deeply", () => {
  assertRejects("[".repeat(30_000), "not valid JSON");
  assertRejects(
    `${"[".repeat(30_000)}${"]".repeat(30_000)}`,
    "must be a JSON object, got array",
  );
  assertRejects('{"type":'.repeat(8000), "not valid JSON");
  assertRejects("[".repeat(1_000_000), "too many values");
});

Deno.test("parseFrame() throws when a frame holds too many values", () => {
  const few = Array.from({ length: 3000 }, (_, i) => `"k${i}":{"a":[1]}`);
  assertEquals(parse(`{"type":"x",${few}}`), { type: "unknown", name: "x" });
  for (
    const many of [
      `"x":[${"1,".repeat(4_000_000)}1]`,
      `"x":[${"{},".repeat(2_000_000)}1]`,
      `"x":["a"${',"a"'.repeat(2_000_000)}]`,
      Array.from({ length: 400_000 }, (_, i) => `"${i}":1`).join(","),
      `"x":${'{"":'.repeat(2_000_000)}`,
      `"x":[${'""'.repeat(4_000_000)}]`,
      `"x":"${'\\"'.repeat(4_000_000)}"`,
    ]
  ) {
    assertRejects(
      `{"type":"exec","argv":["a"],${many}}`,
      "Cannot parse frame: it holds too many values",
    );
  }
});

Deno.test("parseFrame() takes as many arguments and variables as a frame may have, and not one more", () => {
  const argv = Array(MAX_ARGUMENTS).fill("[{:");
  const env = Object.fromEntries(
    Array.from({ length: MAX_VARIABLES }, (_, i) => [`V${i}`, "[,{:"]),
  );
  const frame = { type: "exec", argv: ["true"], env };
  assertEquals((parse(JSON.stringify(frame)) as ExecFrame).env, { ...env });
  assertEquals(
    (parse(JSON.stringify({ type: "exec", argv })) as ExecFrame).argv,
    argv,
  );
  for (const count of [MAX_ARGUMENTS + 1, 250_000]) {
    assertRejects(
      JSON.stringify({ type: "exec", argv: Array(count).fill("a") }),
      `"argv" holds ${count} strings, more than 233016`,
    );
  }
  assertRejects(
    JSON.stringify({ ...frame, env: { ...env, more: "" } }),
    '"env" holds 4097 strings, more than 4096',
  );
});

Deno.test("parseFrame() refuses many members before they are parsed", () => {
  const members = Array.from({ length: 26_000 }, (_, i) => `"V${i}":"a"`);
  // The text behind them would not parse.
  assertRejects(
    `{"type":"exec","argv":["true"],"env":{${members.join(",")}},nonsense}`,
    'it holds 26003 members, more than 8192: an "exec" frame may have 233016 arguments and 4096 variables',
  );
});

Deno.test("parseFrame() takes texts of any characters", () => {
  for (const text of [",", "[", "{:", '"', "\\", '\\"', '\\\\"[']) {
    const long = text.repeat(400_000);
    const { argv } = parse(
      JSON.stringify({ type: "exec", argv: ["a", long, "b"] }),
    ) as ExecFrame;
    assertEquals(argv.length, 3);
    assertEquals(argv[1] === long, true);
  }
});

Deno.test("parseFrame() undoes encodeFrame() when a data frame is as long as can be", () => {
  const data = new Uint8Array(6_291_435).fill(1);
  const line = encodeFrame({ type: "stdout", data });
  const frame = parseFrame(line.subarray(0, -1)) as DataFrame;

  assertEquals(line.length, MAX_FRAME_BYTES);
  assertEquals(frame.type, "stdout");
  assertEquals(frame.data.length, data.length);
  assertEquals(frame.data.every((byte) => byte === 1), true);
});
