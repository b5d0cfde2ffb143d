import { assertEquals } from "@std/assert";
import { hasLandlock } from "./_test_utils.ts";
import { findInterpreter } from "./interpreter.ts";
import { realPath } from "./program.ts";

/** What a test gives up is gone for good, so that each does it elsewhere. */
async function runInProcess(script: string): Promise<unknown> {
  const folder = new URL(".", import.meta.url);
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--quiet", "-"],
    cwd: folder,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const source = `
    import { openFds, shell } from "${folder}_test_utils.ts";
    import { restrictExecution } from "${folder}landlock.ts";
    async function run(script) {
      using child = shell(script);
      child.stdin.close();
      const text = await new Response(child.stdout).text();
      return [text, (await child.status).code];
    }
    ${script}`;
  await new Blob([source]).stream().pipeTo(process.stdin);
  const { stdout } = await process.output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

const shellFile = realPath("/bin/sh");
const loader = findInterpreter(shellFile)?.path;
const files = JSON.stringify(loader ? [shellFile, loader] : [shellFile]);
const ignore = !hasLandlock();

Deno.test({
  name: "restrictExecution() holds children, and theirs, to its files",
  ignore,
  async fn() {
    const results = await runInProcess(`
      const before = openFds();
      const abi = restrictExecution(${files});
      console.log(JSON.stringify([
        typeof abi,
        JSON.stringify(openFds()) === JSON.stringify(before),
        await run("echo hi"),
        await run("/bin/true"),
        await run("/bin/sh -c /bin/true; echo $?"),
      ]))`);
    assertEquals(results, [
      "number",
      true,
      ["hi\n", 0],
      ["", 126],
      ["126\n", 0],
    ]);
  },
});

Deno.test({
  name: "restrictExecution() gives nothing up when a file isn't there",
  ignore,
  async fn() {
    const results = await runInProcess(`
      const before = openFds();
      try {
        restrictExecution(["/bin/sh", "/nonexistent"]);
      } catch (error) {
        console.log(JSON.stringify([
          error.message,
          JSON.stringify(openFds()) === JSON.stringify(before),
          await run("/bin/true"),
        ]));
      }`);
    assertEquals(results, [
      'Cannot open "/nonexistent": No such file or directory (ENOENT)',
      true,
      ["", 0],
    ]);
  },
});
