import { assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { localeVariables, TERMINAL_VARIABLES } from "./terminal_environment.ts";

Deno.test("TERMINAL_VARIABLES are those that the client task grants", () => {
  const [, granted] = config.tasks.client.command.match(/--allow-env=(\S+)/)!;
  assertEquals(granted!.split(","), TERMINAL_VARIABLES);
});

Deno.test("localeVariables() returns what is set, and nothing else", () => {
  Deno.env.delete("LC_PAPER");
  Deno.env.set("LC_TIME", "");
  Deno.env.set("LANG", "de_DE.UTF-8");
  const { LANG, LC_TIME, LC_PAPER, TERM } = localeVariables();
  assertEquals(
    { LANG, LC_TIME, LC_PAPER, TERM },
    { LANG: "de_DE.UTF-8", LC_TIME: "", LC_PAPER: undefined, TERM: undefined },
  );
});
