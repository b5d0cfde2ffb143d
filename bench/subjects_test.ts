import { assertEquals, assertThrows } from "@std/assert";
import { type Flag, UsageError } from "../cli/command.ts";
import { parseFlags } from "../cli/parse_flags.ts";
import { parseSubjects } from "./subjects.ts";

const FLAGS: readonly Flag[] = ["agent", "peer-serve", "peer-client"]
  .map((name) => ({ name, value: "X", description: "" }));

function parse(...args: string[]) {
  return parseSubjects(parseFlags(args, FLAGS));
}

Deno.test("parseSubjects() measures the source unless a binary is named", () => {
  const { own, peer } = parse();
  assertEquals([own.name, peer], ["source", undefined]);
  const named = parse("--agent", "/bin/true");
  assertEquals(named.own, named.binary);
  assertEquals(named.own.client!("s", ["a", "-b"], ["--no-raw"]), [
    ...[Deno.realPathSync("/bin/true"), "client", "--unix", "s", "--no-raw"],
    ...["--", "a", "-b"],
  ]);
});

Deno.test("parseSubjects() leaves a peer's words to the shell", async () => {
  const { peer } = parse("--peer-client", "printf '%s,' 'a b' {socket}");
  assertEquals(peer!.serve, undefined);
  const [program, ...args] = peer!.client!("it's", ["$HOME", "c d"]);
  const { stdout } = await new Deno.Command(program!, { args }).output();
  assertEquals(new TextDecoder().decode(stdout), "a b,it's,$HOME,c d,");
});

Deno.test("parseSubjects() throws when a command lacks the socket, or a file is missing", () => {
  assertThrows(() => parse("--peer-serve", "agent"), UsageError, "{socket}");
  assertThrows(() => parse("--agent", "/none"), UsageError, '"/none"');
});
