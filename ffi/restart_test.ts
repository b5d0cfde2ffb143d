import { assertEquals } from "@std/assert";

Deno.test("restart() runs the program again as the same process", async () => {
  const script = `
    import { openFds } from "${new URL("_test_utils.ts", import.meta.url)}";
    import { restart } from "${new URL("restart.ts", import.meta.url)}";
    const { HOME, RUN, OTHER = "none" } = Deno.env.toObject();
    console.log(JSON.stringify([
      Deno.pid,
      Deno.args,
      OTHER,
      openFds().length,
    ]));
    if (RUN === undefined) restart({ HOME, RUN: "two" });`;
  const args = ["", "two words", "ü"];
  const process = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", script, "--", ...args],
    env: { OTHER: "one" },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const { stdout } = await process.output();
  const [first, second] = new TextDecoder().decode(stdout).trim().split("\n")
    .map((line) => JSON.parse(line));
  const [pid, received, variable, descriptors] = first;
  assertEquals([pid, variable], [process.pid, "one"]);
  assertEquals(received.slice(-args.length), args);
  // Nothing of the first run's is left open.
  assertEquals(second, [pid, received, "none", descriptors]);
});
