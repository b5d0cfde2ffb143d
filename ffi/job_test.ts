import { assert, assertEquals } from "@std/assert";
import {
  alive,
  shell,
  TextReader,
  until,
  withoutFdLeaks,
} from "./_test_utils.ts";

Deno.test("isJob() is false where no shell looks after the process", async () => {
  const module = new URL("job.ts", import.meta.url).href;
  const script = `import { isJob } from "${module}"; console.log(isJob());`;
  const run = async (...command: string[]) => {
    const [program, ...args] = command;
    const { stdout } = await new Deno.Command(program!, { args }).output();
    return new TextDecoder().decode(stdout);
  };
  const program = [Deno.execPath(), "eval", script];
  assertEquals(await run("setsid", "--wait", ...program), "false\n");
  // In the group of a shell that leads its session.
  assertEquals(
    await run("setsid", "--wait", "sh", "-c", '"$@"; :', "sh", ...program),
    "false\n",
  );
  // In a group of its own, as a shell with job control starts it.
  assertEquals(
    await run(
      "setsid",
      "--wait",
      "bash",
      "-c",
      'set -m; "$@"; :',
      "sh",
      ...program,
    ),
    "true\n",
  );
});

Deno.test("stopJob() stops the whole job until it is continued", async () => {
  await withoutFdLeaks(async () => {
    const module = import.meta.resolve("./job.ts");
    const script =
      `const { stopJob } = await import("${module}"); console.log("before"); stopJob(); console.log("after");`;
    using child = shell(
      `echo $$; (sleep 1000 & echo $!); '${Deno.execPath()}' eval --no-check '${script}'; :`,
    );
    const output = new TextReader(child.stdout);
    const [, , sleeper] = await output.until(/(\d+)\n(\d+)\nbefore\n/);
    for (const pid of [child.pid, Number(sleeper)]) {
      await until(() => state(pid) === "T", 5000);
    }
    child.signal("SIGCONT");
    await output.until(/after\n/);
    assert(alive(Number(sleeper)));
    child.killGroup("SIGKILL");
    await child.status;
  });
});

/** Returns the letter of a process's state, see proc_pid_stat(5). */
function state(pid: number): string | undefined {
  return Deno.readTextFileSync(`/proc/${pid}/stat`).match(/\) (\S)/)?.[1];
}
