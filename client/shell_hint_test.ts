import { assertEquals } from "@std/assert";
import { shellHint } from "./shell_hint.ts";

const CASES: readonly [argv: string[], script: string][] = [
  [["echo hi | cat"], "'echo hi | cat'"],
  [["ls -la"], "'ls -la'"],
  [["ls>out"], "'ls>out'"],
  [["make&&make"], "'make&&make'"],
  [["true;"], "'true;'"],
  [["$SHELL"], "'$SHELL'"],
  [["/bin/l*"], "'/bin/l*'"],
  [["~/bin/x"], "'~/bin/x'"],
  [["echo 'a b'"], "'echo '\\''a b'\\'''"],
  [["cd", "/tmp"], "'cd /tmp'"],
  [["cd", "/tmp", "&&", "ls"], "'cd /tmp && ls'"],
  [["cd", "/a b"], "'cd '\\''/a b'\\'''"],
  [["export", "A=1"], "'export A=1'"],
  [[".", "/etc/profile"], "'. /etc/profile'"],
  [["exit"], "'exit'"],
  [["ulimit", "-n"], "'ulimit -n'"],
  [["if", "true;", "then", "ls;", "fi"], "'if true; then ls; fi'"],
  [["A=1", "make"], "'A=1 make'"],
];

for (const [argv, script] of CASES) {
  Deno.test(`shellHint() says what to type in the place of ${argv.join(" ")}`, async () => {
    assertEquals(
      shellHint(argv),
      `there is no shell in between: type client … -- sh -c ${script}`,
    );
    // A shell takes it for one word.
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", `printf %s ${script}`],
    }).output();
    const word = new TextDecoder().decode(stdout);
    assertEquals(word.split(" ")[0], argv[0]!.split(" ")[0]);
  });
}

Deno.test("shellHint() says nothing of a program's name", () => {
  for (
    const argv of [
      ["no-such-program"],
      ["python3.12", "-c", "a | b"],
      ["/opt/x/y_z", "$HOME"],
      ["g++"],
      ["a@b:c,d%e"],
      [],
    ]
  ) {
    assertEquals(shellHint(argv), undefined, argv.join(" "));
  }
});
