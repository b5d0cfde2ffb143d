import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Shell, SHELLS } from "../cli/completion/completion_command.ts";
import { longNames } from "../cli/flag_names.ts";
import { HELP_FLAG } from "../cli/help.ts";
import { COMMANDS } from "../main.ts";
import { isInstalled } from "../packaging/_test_utils.ts";
import { bounded, within } from "./_bounded.ts";
import { ENVIRONMENT, programArgs } from "./_program.ts";
import { offers } from "./_shells.ts";
import { text } from "./_wire.ts";

const NAMES = [
  ...["client", "completion", "help", "info", "reseed", "serve", "version"],
];

/** Command lines up to the cursor, and what is offered for their last word. */
const CASES: readonly (readonly [line: string, offered: readonly string[]])[] =
  [
    ["", NAMES],
    ["inf", ["info"]],
    ["nope ", []],
    ["help ", NAMES],
    ["help re", ["reseed"]],
    ["completion ", ["bash", "fish", "zsh"]],
    ["completion bash ", []],
    ["version ", []],
    ["client --env", ["--env", "--env-file"]],
    ["client --work", ["--workdir"]],
    ["client -t -w /x --user=a:b -e A=B --esc", ["--escape"]],
    ["client --cwd -t --esc", ["--escape"]],
    ["client -tw /x --esc", ["--escape"]],
    ["client -tw/x --esc", ["--escape"]],
    ["client -w client --esc", ["--escape"]],
    // Flags end at the first word that is none, and at two dashes.
    ["client -t sh --esc", []],
    ["client --cid 3 -- --esc", []],
    ["client -tw/x /y --esc", []],
    // The guest's folders and users are not the host's.
    ["client --cwd s", []],
    ["client --user ro", []],
    ["client --cid ", []],
    ["reseed --entropy-file s", ["seed.bin"]],
    ["reseed --entropy-file=s", ["seed.bin"]],
    ["serve --policy s", ["seed.bin"]],
    ["info --unix nothing", []],
  ];

async function script(shell: Shell): Promise<string> {
  const [program, ...args] = programArgs("completion", [shell]);
  const { code, stdout, stderr } = await within(
    new Deno.Command(program, { args, env: ENVIRONMENT }).output(),
    "the script",
  );
  assertEquals([code, text(stderr)], [0, ""]);
  return text(stdout);
}

for (const shell of SHELLS) {
  const ignore = !await isInstalled(shell);

  Deno.test({
    name: `completion lets ${shell} complete commands, flags and files`,
    ignore,
    fn: bounded(async () => {
      const completion = await script(shell);
      const lines = CASES.map(([line]) => `cocoon-agent ${line}`);
      const given = await offers(shell, completion, lines);
      assertEquals(
        // Where a file is a flag's value, fish offers the whole word.
        given.map((words) =>
          words.map((word) => word.replace(/^--[a-z-]+=/, ""))
        ),
        CASES.map(([, offered]) => [...offered]),
      );
    }),
  });

  Deno.test({
    name: `completion lets ${shell} complete every flag of every command`,
    ignore,
    fn: bounded(async () => {
      const completion = await script(shell);
      const all = await Promise.all(
        Object.values(COMMANDS).map((load) => load()),
      );
      const flagged = all.filter(({ name }) => name !== "completion");
      const lines = flagged.map(({ name }) => `cocoon-agent ${name} --`);
      assertEquals(
        await offers(shell, completion, lines),
        flagged.map(({ flags }) =>
          [...flags, HELP_FLAG].flatMap(longNames)
            .map((flag) => `--${flag}`).sort()
        ),
      );
    }),
  });
}

Deno.test(
  "completion refuses what is no shell, and more than one",
  bounded(async () => {
    for (const words of [[], ["ksh"], ["__proto__"], ["bash", "zsh"]]) {
      const [program, ...args] = programArgs("completion", words);
      const { code, stderr } = await within(
        new Deno.Command(program, { args, env: ENVIRONMENT }).output(),
        "the refusal",
      );
      assertEquals(code, 2);
      assertStringIncludes(text(stderr), "Name one shell of bash, zsh, fish");
    }
  }),
);
