import { assertEquals } from "@std/assert";
import {
  type ExecFrame,
  isTerminalSize,
  MAX_FRAME_BYTES,
  PROTOCOL_VERSION,
  requestedFeatures,
} from "./frame.ts";

Deno.test("MAX_FRAME_BYTES and PROTOCOL_VERSION match the protocol", () => {
  assertEquals(MAX_FRAME_BYTES, 8_388_608);
  assertEquals(PROTOCOL_VERSION, 1);
});

Deno.test("requestedFeatures() names what a request asks for", () => {
  const plain: ExecFrame = { type: "exec", argv: ["true"], env: {} };
  assertEquals(requestedFeatures(plain), []);
  assertEquals(
    requestedFeatures({
      ...plain,
      ...{ timeoutMs: 0, clearEnv: false, features: ["more", "tty"] },
    }),
    [],
  );
  for (
    const request of [
      { cwd: "/" },
      { user: "root" },
      { timeoutMs: 1 },
      { clearEnv: true },
    ]
  ) {
    assertEquals(requestedFeatures({ ...plain, ...request }), ["placement"]);
  }
  for (const request of [{ memoryBytes: 1 }, { pids: 1 }, { cpus: 0.5 }]) {
    assertEquals(requestedFeatures({ ...plain, ...request }), ["limits"]);
  }
  assertEquals(
    requestedFeatures({ ...plain, memoryBytes: 0, pids: 0, cpus: 0 }),
    [],
  );
  assertEquals(
    requestedFeatures({
      ...plain,
      cwd: "/",
      pids: 9,
      tty: { rows: 1, cols: 1 },
      features: ["usage", "flow", "signals", "flow"],
    }),
    ["placement", "limits", "tty", "signals", "flow", "usage"],
  );
});

Deno.test("isTerminalSize() takes integers of 16 bits only", () => {
  assertEquals(isTerminalSize({ rows: 0, cols: 65535 }), true);
  for (
    const size of [
      { rows: -1, cols: 1 },
      { rows: 1, cols: 65536 },
      { rows: 1.5, cols: 1 },
      { rows: "1", cols: 1 },
      { rows: 1 },
      null,
      undefined,
    ]
  ) {
    assertEquals(isTerminalSize(size), false);
  }
});
