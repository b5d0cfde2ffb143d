import { assertEquals } from "@std/assert";
import { EscapeStream } from "./escape_stream.ts";

const TILDE = 0x7e;

/** Types texts, and returns what was sent and done, in order. */
async function type(
  texts: readonly string[],
  escape = TILDE,
): Promise<{ sent: string; done: string[] }> {
  const done: string[] = [];
  const sent = await new Response(
    ReadableStream.from(texts)
      .pipeThrough(new TextEncoderStream())
      .pipeThrough(
        new EscapeStream(escape, {
          leave: () => done.push("leave"),
          suspend: () => done.push("suspend"),
          help: () => done.push("help"),
        }),
      ),
  ).text();
  return { sent, done };
}

const CASES: readonly [typed: string, sent: string, done: string[]][] = [
  ["ls ~\r~bin", "ls ~\r~bin", []],
  ["~.", "", ["leave"]],
  ["~.ls\r", "", ["leave"]],
  ["~?ls\r", "ls\r", ["help"]],
  ["~?~?~\x1a~.", "", ["help", "help", "suspend", "leave"]],
  ["ls\r~\x1als\n~?", "ls\rls\n", ["suspend", "help"]],
  ["~~.", "~.", []],
  ["~~~.", "~~.", []],
  ["~~\r~.", "~\r", ["leave"]],
  ["~\r~.", "~\r", ["leave"]],
  ["~a~.", "~a~.", []],
  ["a~.", "a~.", []],
  ["\r\r~.", "\r\r", ["leave"]],
  ["~", "~", []],
  ["a\r~", "a\r~", []],
  ["", "", []],
];

Deno.test("EscapeStream carries out commands at the start of a line only", async () => {
  for (const [typed, sent, done] of CASES) {
    assertEquals(await type([typed]), { sent, done }, JSON.stringify(typed));
  }
});

Deno.test("EscapeStream doesn't mind how keys are cut into chunks", async () => {
  for (const [typed, sent, done] of CASES) {
    assertEquals(await type([...typed]), { sent, done }, JSON.stringify(typed));
  }
});

Deno.test("EscapeStream takes any character for the escape", async () => {
  assertEquals(await type(["\x1d.~."], 0x1d), { sent: "", done: ["leave"] });
  assertEquals(await type(["~.\r\x1d?"], 0x1d), {
    sent: "~.\r",
    done: ["help"],
  });
});

Deno.test("EscapeStream hears commands while nothing is taken from it, up to 1 MiB", async () => {
  const { promise: heard, resolve: help } = Promise.withResolvers<void>();
  const ignore = () => {};
  const { writable, readable } = new EscapeStream(TILDE, {
    leave: ignore,
    suspend: ignore,
    help,
  });
  const writer = writable.getWriter();
  const chunk = new Uint8Array(64 * 1024).fill(0x0d);
  for (let sent = 0; sent < 15; sent++) await writer.write(chunk);
  await writer.write(new TextEncoder().encode("~?"));
  await heard;
  await writer.write(chunk);
  let full = true;
  writer.write(chunk).then(() => full = false, ignore);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(full, true);
  await readable.cancel();
});
