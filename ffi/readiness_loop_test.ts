import { assertEquals, assertMatch } from "@std/assert";

const CONFIG = new URL("../deno.json", import.meta.url).pathname;

async function hasStrace(): Promise<boolean> {
  try {
    return (await new Deno.Command("strace", { args: ["-V"] }).output())
      .success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "readiness loop makes no system call while nothing happens",
  ignore: !await hasStrace(),
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const trace = `${folder}/trace`;
      // Listens, and says so, waits for a second without a timer of its own
      // until its stdin ends, and says so again.
      const script = `
        import { listen } from "${import.meta.resolve("./listener.ts")}";
        const listener = listen({
          transport: "unix",
          path: ${JSON.stringify(`${folder}/socket`)},
        });
        (async () => { for await (const _ of listener); })();
        await new Promise((resolve) => setTimeout(resolve, 500));
        console.log("idle");
        await Deno.stdin.read(new Uint8Array(1));
        console.log("done");
        listener.close();
      `;
      await Deno.writeTextFile(`${folder}/script.ts`, script);
      const child = new Deno.Command("strace", {
        args: [
          ...["-f", "-qq", "-s", "64", "-o", trace, Deno.execPath()],
          ...["run", "--no-check", "--allow-all", "--config", CONFIG],
          `${folder}/script.ts`,
        ],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const output = child.stdout.pipeThrough(new TextDecoderStream())
        .getReader();
      assertEquals((await output.read()).value, "idle\n");
      // What is measured is that nothing happens, and that takes time.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await child.stdin.close();
      assertEquals((await output.read()).value, "done\n");
      await output.cancel();
      await child.status;

      const lines = (await Deno.readTextFile(trace)).split("\n");
      const idle = lines.findIndex((line) => line.includes(`"idle\\n"`));
      const done = lines.findIndex((line) => line.includes(`"done\\n"`));
      assertMatch(lines[done] ?? "", /write\(1, "done/);
      const loop = lines.slice(idle, done).filter((line) =>
        /epoll_p?wait\(\d+, .*, 64,/.test(line)
      );
      assertEquals(loop, []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
