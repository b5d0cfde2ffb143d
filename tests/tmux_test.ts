import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type Agent, startAgent } from "./_agent.ts";
import { bounded, until } from "./_bounded.ts";
import { childNamed } from "./_jobs.ts";
import { processStat } from "./_proc.ts";
import { programArgs } from "./_program.ts";
import { Tmux } from "./_tmux.ts";
import { lacks } from "./_tools.ts";

/** Starts a client with a shell on a screen, and waits for its prompt. */
async function startShell(agent: Agent): Promise<Tmux> {
  const client = programArgs("client", [
    ...["-t", "--unix", agent.path, "-w", agent.folder, "-e", "PS1=remote>"],
    ...["--", "bash", "--norc", "--noprofile", "-i"],
  ]);
  const screen = await Tmux.start(client, { size: { rows: 24, cols: 80 } });
  try {
    await screen.expect(/^remote>$/m);
    return screen;
  } catch (error) {
    await screen[Symbol.asyncDispose]();
    throw error;
  }
}

Deno.test({
  name: "client -t lets vi edit a file and save it",
  ignore: lacks("tmux", "vi"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    await using screen = await startShell(agent);
    const file = `${agent.folder}/poem`;
    Deno.writeTextFileSync(file, "one\ntwo\nthree\n");
    await screen.press("vi -u NONE -n poem", "Enter");
    // On a screen of its own, which says what isn't in the file.
    await screen.expect(/^one\s*\ntwo\s*\nthree\s*\n~/m);
    await screen.press("j", "o", "between ü", "Escape");
    await screen.expect(/^two\s*\nbetween ü\s*\nthree/m);
    await screen.press("x", "G", "dd", ":wq", "Enter");
    await screen.expect(/^remote>$/m);
    assertEquals(Deno.readTextFileSync(file), "one\ntwo\nbetween \n");
    // The shell's screen is back.
    assert(!(await screen.screen()).includes("between"));
  }),
});

Deno.test({
  name: "client -t lets less page through a file and quit",
  ignore: lacks("tmux", "less"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    await using screen = await startShell(agent);
    await screen.press("seq 500 | LESS= less", "Enter");
    await screen.expect(/^1\s*\n2\s*\n[^]*\n23\s*\n:/);
    await screen.press("Space");
    await screen.expect(/^24\s*\n25\s*\n[^]*\n46\s*\n:/);
    await screen.press("/", "^321$", "Enter");
    await screen.expect(/^321\s*\n322\s*\n/);
    await screen.press("G");
    await screen.expect(/\n500\s*\n\(END\)/);
    await screen.press("q");
    await screen.expect(/^remote>$/m);
    assert(!(await screen.screen()).includes("500\n"));
  }),
});

Deno.test({
  name: "client -t lets top run and quit",
  ignore: lacks("tmux", "top"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    await using screen = await startShell(agent);
    await screen.press("top -d 0.2", "Enter");
    const [, first] = await screen.expect(/top - \d+:\d+:(\d+)[^]*\bPID\b/);
    await until(async () => {
      const [, now] = await screen.expect(/top - \d+:\d+:(\d+)/);
      return now !== first;
    }, "top to go on");
    await screen.press("q");
    await screen.expect(/^remote>$/m);
    await screen.press("echo on $((6 * 7))", "Enter");
    await screen.expect(/^on 42$/m);
  }),
});

Deno.test({
  name: "client -t follows the size of the screen it is on",
  ignore: lacks("tmux", "vi"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    await using screen = await startShell(agent);
    await screen.press("stty size", "Enter");
    await screen.expect(/^24 80$/m);
    await screen.resize({ rows: 33, cols: 101 });
    await until(async () => {
      await screen.press("clear; stty size", "Enter");
      await screen.expect(/^\d+ \d+\s*\nremote>$/m);
      return (await screen.screen()).startsWith("33 101\n");
    }, "the new size");
    // Also while a program has the whole screen.
    await screen.press("clear; vi -u NONE -n new", "Enter");
    await screen.expect(/(^~\s*\n){20}/m);
    await screen.resize({ rows: 12, cols: 60 });
    await screen.resize({ rows: 15, cols: 70 });
    await until(
      async () => (await screen.screen()).match(/^~/gm)?.length === 13,
      "vi to draw itself anew",
    );
    await screen.press(":q", "Enter");
    await screen.expect(/^remote>$/m);
  }),
});

Deno.test({
  name: "client -t leaves jobs to the shell",
  ignore: lacks("tmux"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    await using screen = await startShell(agent);
    const shell = await childNamed(agent.pid, "bash");
    await screen.press("cat", "Enter");
    // What is typed ahead is the shell's.
    const job = await childNamed(shell, "cat");
    await screen.press("twice", "Enter");
    await screen.expect(/^twice\s*\ntwice$/m);
    await screen.press("C-z");
    await screen.expect(/Stopped +cat[^]*^remote>$/m);
    await screen.press("clear; jobs", "Enter");
    await screen.expect(/^\[1\]\+ +Stopped +cat\s*\nremote>$/m);
    await screen.press("clear; fg", "Enter");
    await until(() => processStat(job)?.state === "S", "cat to go on");
    await screen.press("again", "Enter");
    await screen.expect(/^again\s*\nagain$/m);
    await screen.press("C-d");
    await screen.expect(/^remote>$/m);
    await screen.press("clear; sleep 60 &", "Enter");
    await screen.expect(/^\[1\] \d+\s*\nremote>$/m);
    await screen.press("clear; kill %1; wait %1; echo code $?", "Enter");
    await screen.expect(/^code 143$/m);
  }),
});

Deno.test({
  name: "client -t gives the screen back as it was",
  ignore: lacks("tmux"),
  fn: bounded(async () => {
    await using agent = await startAgent();
    const env = { PS1: "local>" };
    await using screen = await Tmux.start(
      ["bash", "--norc", "--noprofile", "-i"],
      { env, size: { rows: 24, cols: 200 } },
    );
    await screen.expect(/^local>$/m);
    const client = programArgs("client", [
      ...["-t", "--unix", agent.path, "--"],
    ]).join(" ");
    await screen.press("clear; echo m $(stty -g)", "Enter");
    const [, before] = await screen.expect(/^m (\S+)[^]*local>$/m);
    await screen.press(`clear; ${client} sh -c 'echo in; exit 5'`, "Enter");
    await screen.expect(/^in\s*\nlocal>$/m);
    await screen.press("c=$?; clear; echo c $c m $(stty -g)", "Enter");
    const [, code, after] = await screen.expect(/^c (\d+) m (\S+)/m);
    assertEquals([code, after], ["5", before]);
    assertNotEquals(before, "");
  }),
});
