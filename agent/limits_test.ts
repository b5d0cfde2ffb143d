import { assertEquals, assertThrows } from "@std/assert";
import { checkArgs, DEFAULT_LIMITS, stdinWindow } from "./limits.ts";
import { SessionError } from "./session_error.ts";

Deno.test("checkArgs() counts as execve(2) does", () => {
  // With their NULs and pointers: 2 + 8, 3 + 8 and 6 + 8.
  const size = 35;
  checkArgs(["a", "é"], { K: "語" }, size);
  const error = assertThrows(
    () => checkArgs(["a", "é"], { K: "語" }, size - 1),
    SessionError,
    "take 35 bytes, more than 34 (--max-args)",
  );
  assertEquals(error.code, "not_executable");
  assertEquals(error.limit, "--max-args");
});

Deno.test("stdinWindow() is what has proved itself by default", () => {
  assertEquals(stdinWindow(DEFAULT_LIMITS.sessionMemory), 512 * 1024);
});
