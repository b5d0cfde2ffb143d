import { assertEquals } from "@std/assert";
import { localeVariables } from "./terminal_environment.ts";

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
