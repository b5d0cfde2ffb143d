import { assertEquals, assertStringIncludes } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded, until, within } from "./_bounded.ts";
import { BINARY, ENVIRONMENT, SOURCES } from "./_program.ts";
import { text, Wire } from "./_wire.ts";

// A compiled program is not run by tasks.
const ignore = BINARY !== undefined;

/** A task in a process, from the folder of the sources. */
function task(...args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["task", "-q", ...args],
    env: ENVIRONMENT,
    cwd: SOURCES,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

Deno.test({
  name:
    "deno task client passes its arguments on unchanged, and prints nothing",
  ignore,
  fn: bounded(async () => {
    await using agent = await startAgent();
    // Without backslashes and backticks, which Deno 2.4 itself takes for its own.
    const odd = [
      "",
      "a  b",
      "$HOME",
      "*",
      "'",
      '"',
      "--",
      ";",
      "ü",
      "a\nb",
    ];
    const [printed, failed] = await within(
      Promise.all([
        task(
          ...["client", "--unix", agent.path, "-e", "A=$B c"],
          ...["--", "sh", "-c", 'printf "[%s]" "$A" "$@"', "sh", ...odd],
        ).output(),
        task("client", "--unix", agent.path, "--", "sh", "-c", "exit 7")
          .output(),
      ]),
      "the end of the tasks",
    );
    assertEquals(
      text(printed.stdout),
      ["$B c", ...odd].map((arg) => `[${arg}]`).join(""),
    );
    assertEquals([printed.code, text(printed.stderr)], [0, ""]);
    assertEquals(
      [failed.code, text(failed.stdout), text(failed.stderr)],
      [7, "", ""],
    );
  }),
});

Deno.test({
  name: "deno task demo exits as the command does that it is given",
  ignore,
  fn: bounded(async () => {
    const cases: [argv: string[], code: number, stdout: string][] = [
      [["sh", "-c", "echo hi; exit 7"], 7, "hi\n"],
      [["sh", "-c", "kill -TERM $$"], 143, ""],
      [["no-such-program"], 127, ""],
      [["/etc"], 126, ""],
    ];
    for (const [argv, code, stdout] of cases) {
      const printed = await within(
        task("demo", "--", ...argv).output(),
        "the end of the demo",
      );
      assertEquals([printed.code, text(printed.stdout)], [code, stdout]);
      if (argv.length > 1) assertEquals(text(printed.stderr), "");
      else assertStringIncludes(text(printed.stderr), `"${argv[0]}"`);
    }
  }),
});

Deno.test({
  name:
    "deno task serve passes its arguments on unchanged, and stops on SIGTERM",
  ignore,
  fn: bounded(async () => {
    const folder = await Deno.makeTempDir({ prefix: "task $HOME " });
    const path = `${folder}/agent.sock`;
    const process = task(
      "serve",
      "--listen",
      `unix:${path}`,
      "--allow-run=echo",
    )
      .spawn();
    try {
      using echo = await until(
        () => Wire.connect(path).catch(() => undefined),
        "the agent",
      );
      await echo.send('{"type":"exec","argv":["echo","hi"]}\n');
      assertEquals(text((await echo.readSession()).stdout), "hi\n");
      using sh = await Wire.connect(path);
      await sh.send('{"type":"exec","argv":["sh"]}\n');
      assertEquals((await sh.readSession()).end.code, "denied");
    } finally {
      process.kill("SIGTERM");
      const { code, stdout } = await within(
        process.output(),
        "the end of the task",
      );
      await Deno.remove(folder, { recursive: true });
      assertEquals([code, text(stdout)], [0, ""]);
    }
  }),
});
