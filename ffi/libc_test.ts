import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { LIBRARY_PATHS } from "./libc.ts";

/** Opens the C library in a process of its own, and returns why that failed. */
async function whyNot(...flags: string[]): Promise<string> {
  const module = new URL("libc.ts", import.meta.url).href;
  const script = `import { libc } from ${JSON.stringify(module)};
    try { libc() } catch (error) { console.log(error.message) }`;
  const config = new URL("../deno.json", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", `--config=${config}`, ...flags, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { code, stdout } = await process.output();
  assertEquals(code, 0);
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("libc() names the flag where Deno doesn't grant it, and not the glibc", async () => {
  const paths = LIBRARY_PATHS[Deno.build.arch];
  for (const flags of [[], ["--allow-ffi=/nonexistent/libc.so.6"]]) {
    const message = await whyNot(...flags);
    assertStringIncludes(message, `--allow-ffi=${paths.join(",")}`);
    assert(!message.includes("glibc"), message);
  }
  assertEquals(await whyNot(`--allow-ffi=${paths.join(",")}`), "");
});
