import { assertEquals, assertThrows } from "@std/assert";
import { toBytes, toText } from "./_test_utils.ts";
import { encodeFrame } from "./encode_frame.ts";
import { type KnownFrame, MAX_FRAME_BYTES } from "./frame.ts";

function encode(frame: KnownFrame): string {
  return toText(encodeFrame(frame));
}

Deno.test("encodeFrame() writes the type first, then the fields in order", () => {
  const data = toBytes("hi");
  const frames: [KnownFrame, string][] = [
    [
      { env: { A: "1" }, argv: ["sh", "-c", "echo x"], type: "exec" },
      '{"type":"exec","argv":["sh","-c","echo x"],"env":{"A":"1"}}\n',
    ],
    [
      {
        features: ["signals", "flow"],
        tty: { term: "xterm", cols: 80, rows: 24 },
        clearEnv: true,
        timeoutMs: 1500,
        user: "nobody:tty",
        cwd: "/srv",
        env: {},
        argv: ["vi"],
        type: "exec",
      },
      '{"type":"exec","argv":["vi"],"cwd":"/srv","user":"nobody:tty","timeout_ms":1500,"clear_env":true,"tty":{"rows":24,"cols":80,"term":"xterm"},"features":["signals","flow"]}\n',
    ],
    [
      {
        ...{ cpus: 0.5, pids: 9, memoryBytes: 1048576 },
        ...{ env: {}, argv: ["make"], type: "exec" },
      },
      '{"type":"exec","argv":["make"],"memory_bytes":1048576,"pids":9,"cpus":0.5}\n',
    ],
    [
      { regenMachineId: true, data, type: "reseed" },
      '{"type":"reseed","data":"aGk=","regen_machine_id":true}\n',
    ],
    [{ type: "info" }, '{"type":"info"}\n'],
    [{ type: "info", probe: true }, '{"type":"info","probe":true}\n'],
    [{ type: "info", probe: false }, '{"type":"info"}\n'],
    [
      {
        type: "info",
        info: {
          landlockAbi: 2,
          uptimeMs: 5,
          bootId: "b",
          arch: "x86_64",
          os: "linux",
          features: ["raw"],
          protocol: 1,
          version: "1.2.3",
        },
      },
      '{"type":"info","version":"1.2.3","protocol":1,"features":["raw"],"os":"linux","arch":"x86_64","boot_id":"b","uptime_ms":5,"landlock_abi":2}\n',
    ],
    [
      {
        type: "info",
        info: {
          ...{ controllers: ["pids"], containment: "cgroup", uptimeMs: 5 },
          ...{ bootId: "b", arch: "x86_64", os: "linux", features: [] },
          ...{ protocol: 1, version: "1.2.3" },
        },
      },
      '{"type":"info","version":"1.2.3","protocol":1,"features":[],"os":"linux","arch":"x86_64","boot_id":"b","uptime_ms":5,"containment":"cgroup","controllers":["pids"]}\n',
    ],
    [{ type: "stdin", data }, '{"type":"stdin","data":"aGk="}\n'],
    [{ type: "stdin_close" }, '{"type":"stdin_close"}\n'],
    [
      { cols: 80, rows: 24, type: "resize" },
      '{"type":"resize","rows":24,"cols":80}\n',
    ],
    [
      { type: "signal", signal: "SIGINT" },
      '{"type":"signal","signal":"SIGINT"}\n',
    ],
    [{ type: "window", bytes: 5 }, '{"type":"window","bytes":5}\n'],
    [{ type: "started", pid: 42 }, '{"type":"started","pid":42}\n'],
    [
      { window: 9, features: ["flow"], pid: 42, type: "started" },
      '{"type":"started","pid":42,"features":["flow"],"window":9}\n',
    ],
    [{ type: "stdout", data }, '{"type":"stdout","data":"aGk="}\n'],
    [{ type: "stderr", data }, '{"type":"stderr","data":"aGk="}\n'],
    [{ type: "exit", exitCode: 3 }, '{"type":"exit","exit_code":3}\n'],
    [
      { usage: { cpuMs: 5 }, exitCode: 0, type: "exit" },
      '{"type":"exit","usage":{"cpu_ms":5}}\n',
    ],
    [
      {
        type: "exit",
        usage: { oomKills: 0, peakMemoryBytes: 4096, cpuMs: 5 },
        exitCode: 0,
      },
      '{"type":"exit","usage":{"cpu_ms":5,"peak_memory_bytes":4096,"oom_kills":0}}\n',
    ],
    [{ type: "exit", exitCode: -1 }, '{"type":"exit","exit_code":-1}\n'],
    [
      { signal: "SIGTERM", exitCode: 143, type: "exit" },
      '{"type":"exit","exit_code":143,"signal":"SIGTERM"}\n',
    ],
    [
      { timedOut: true, exitCode: 1, type: "exit" },
      '{"type":"exit","exit_code":1,"timed_out":true}\n',
    ],
    [
      { code: "busy", message: "Too many", type: "error" },
      '{"type":"error","message":"Too many","code":"busy"}\n',
    ],
  ];
  for (const [frame, line] of frames) {
    assertEquals(encode(frame), line);
  }
});

Deno.test("encodeFrame() omits what is empty", () => {
  const data = new Uint8Array(0);

  assertEquals(
    encode({ type: "exec", argv: ["true"], env: {} }),
    '{"type":"exec","argv":["true"]}\n',
  );
  assertEquals(
    encode({
      ...{ type: "exec", argv: ["true"], env: {} },
      ...{ timeoutMs: 0, clearEnv: false },
    }),
    '{"type":"exec","argv":["true"]}\n',
  );
  assertEquals(
    encode({ type: "reseed", data, regenMachineId: false }),
    '{"type":"reseed"}\n',
  );
  assertEquals(encode({ type: "stdin", data }), '{"type":"stdin"}\n');
  assertEquals(encode({ type: "stdout", data }), '{"type":"stdout"}\n');
  assertEquals(encode({ type: "stderr", data }), '{"type":"stderr"}\n');
  assertEquals(
    encode({ type: "exit", exitCode: 0, timedOut: false }),
    '{"type":"exit"}\n',
  );
});

Deno.test("encodeFrame() keeps what must be there when it is empty", () => {
  assertEquals(
    encode({ type: "exec", argv: [], env: {} }),
    '{"type":"exec","argv":[]}\n',
  );
  assertEquals(
    encode({ type: "started", pid: 0 }),
    '{"type":"started","pid":0}\n',
  );
  assertEquals(
    encode({ type: "error", message: "" }),
    '{"type":"error","message":""}\n',
  );
});

Deno.test("encodeFrame() keeps to the view when data is one", () => {
  const data = toBytes("xhix").subarray(1, 3);

  assertEquals(
    encode({ type: "stdin", data }),
    '{"type":"stdin","data":"aGk="}\n',
  );
});

Deno.test("encodeFrame() escapes what would break the line", () => {
  assertEquals(
    encode({ type: "error", message: 'a\n"b"\\\0\ud800é' }),
    String.raw`{"type":"error","message":"a\n\"b\"\\\u0000\ud800é"}` + "\n",
  );
});

Deno.test("encodeFrame() takes __proto__ as any other variable", () => {
  const env = Object.fromEntries([["__proto__", "1"]]);

  assertEquals(
    encode({ type: "exec", argv: ["env"], env }),
    '{"type":"exec","argv":["env"],"env":{"__proto__":"1"}}\n',
  );
});

Deno.test("encodeFrame() throws when a data frame would exceed 8 MiB", () => {
  const data = new Uint8Array(6_291_436);

  assertEquals(
    encodeFrame({ type: "stdout", data: data.subarray(1) }).length,
    MAX_FRAME_BYTES,
  );
  assertThrows(
    () => encodeFrame({ type: "stdout", data }),
    RangeError,
    'Cannot encode frame "stdout": 8388612 bytes exceed the limit of 8388608',
  );
});

Deno.test("encodeFrame() throws when any other frame would exceed 8 MiB", () => {
  const overhead = '{"type":"error","message":""}\n'.length;
  const message = "é".repeat((MAX_FRAME_BYTES - overhead) / 2);

  assertEquals(
    encodeFrame({ type: "error", message }).length,
    MAX_FRAME_BYTES,
  );
  assertThrows(
    () => encodeFrame({ type: "error", message: message + "x" }),
    RangeError,
    'Cannot encode frame "error": 8388609 bytes exceed the limit of 8388608',
  );
});

Deno.test("encodeFrame() throws when the type can't be sent", () => {
  const frame: unknown = { type: "unknown", name: "more" };

  assertThrows(
    () => encodeFrame(frame as KnownFrame),
    TypeError,
    'Cannot encode frame "unknown": not a type that can be sent',
  );
});
