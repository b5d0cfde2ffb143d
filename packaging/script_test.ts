import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Terminal, terminalTest } from "../tests/_terminal.ts";

const FOLDER = new URL(".", import.meta.url).pathname;
const CONFIG = new URL("../deno.json", import.meta.url).pathname;

/** The command line of a script that takes this long. */
function slowScript(milliseconds: number): [string, ...string[]] {
  const script = `import { withProgress } from ${
    JSON.stringify(`${FOLDER}_script.ts`)
  };
    const result = await withProgress("Packing", () =>
      new Promise((resolve) => setTimeout(resolve, ${milliseconds}, "done")));
    console.log(result);`;
  return [Deno.execPath(), "eval", `--config=${CONFIG}`, script];
}

/** Runs a script of this folder with another environment, to its end. */
async function run(
  script: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", `${FOLDER}${script}`, ...args],
    cwd: `${FOLDER}..`,
    env,
    stdin: "null",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

Deno.test("withProgress() says once what is under way where nobody looks on", async () => {
  const [program, ...args] = slowScript(0);
  const { stdout, stderr } = await new Deno.Command(program, { args }).output();
  const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(text, ["done\n", "Packing …\n"]);
});

terminalTest(
  "withProgress() counts the seconds on a terminal, and wipes them away",
  async () => {
    await using terminal = new Terminal(slowScript(2500));
    await terminal.status;
    assertMatch(
      terminal.shown.text,
      // deno-lint-ignore no-control-regex -- they wipe the line
      /Packing … 1 s.*Packing … 2 s\r\x1b\[Kdone\r?\n/s,
    );
  },
);

Deno.test("compile names the variable for a runtime that cannot be downloaded", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { code, stderr } = await run("compile.ts", ["--out", `${folder}/x`], {
      DENORT_BIN: `${folder}/denort`,
    });
    assertEquals(code, 1);
    assertStringIncludes(stderr, "by the variable DENORT_BIN");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("scripts refuse arguments that they don't take", async () => {
  const cases = [["x"], ["--", "x"], ["--arch", "arm64", "--", "x"]];
  for (const args of cases) {
    const { code, stderr } = await run("deb.ts", args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, 'Unexpected argument "x"');
  }
});
