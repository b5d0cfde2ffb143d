import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { openPipe } from "./pipe.ts";
import { readinessLoop } from "./readiness_loop.ts";

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

/** Runs the loop, as where somebody waits for a descriptor. */
function runLoop(): Disposable {
  const { own, child } = openPipe("out");
  own.readable();
  return {
    [Symbol.dispose]() {
      own.close();
      child.close();
    },
  };
}

function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

Deno.test("readinessLoop.countOperation() ends a turn that has lasted long, however few the operations", async () => {
  using _ = runLoop();
  await readinessLoop.nextTurn();
  for (const count of ["countOperation", "countBulk"] as const) {
    assertEquals(readinessLoop[count](), undefined);
    work(6);
    const turn = readinessLoop[count]();
    await turn;
    assertEquals(turn instanceof Promise, true);
    assertEquals(readinessLoop[count](), undefined);
    await readinessLoop.nextTurn();
  }
});

Deno.test("readinessLoop.countOperation() gives one turn's time to all who wait, however many", async () => {
  using _ = runLoop();
  const turns: number[] = [];
  let turn = 0;
  let working = true;
  const counting = (async () => {
    while (working) {
      await readinessLoop.nextTurn();
      turn++;
    }
  })();
  const done: number[] = [];
  await Promise.all(Array.from({ length: 40 }, async (_, worker) => {
    for (let wait; (wait = readinessLoop.countOperation());) await wait;
    work(1);
    turns[turn] = (turns[turn] ?? 0) + 1;
    done.push(worker);
  }));
  working = false;
  await counting;
  // A turn has five milliseconds.
  for (const count of turns) assertLess(count ?? 0, 10);
  assertEquals(done, done.toSorted((a, b) => a - b));
});
