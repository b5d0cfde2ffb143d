import { assert, assertStringIncludes } from "@std/assert";
import { serveCommand } from "../agent/serve/serve_command.ts";
import { parseFlags } from "../cli/parse_flags.ts";
import { clientCommand } from "../client/client_command.ts";
import { infoCommand } from "../client/info_command.ts";
import { reseedCommand } from "../client/reseed_command.ts";
import { COMMANDS } from "../main.ts";

const HERE = new URL(".", import.meta.url).pathname;

Deno.test("the manual page explains every flag of reseed and info", () => {
  const manual = Deno.readTextFileSync(`${HERE}cocoon-agent.1`)
    .replaceAll("\\-", "-");
  for (const { flags } of [reseedCommand, infoCommand]) {
    for (const { name } of flags) assertStringIncludes(manual, `--${name}`);
  }
});

Deno.test("the manual page and README explain every flag of serve and client", () => {
  const manual = Deno.readTextFileSync(`${HERE}cocoon-agent.1`)
    .replaceAll("\\-", "-");
  const readme = Deno.readTextFileSync(`${HERE}../README.md`);
  for (const { flags } of [serveCommand, clientCommand]) {
    for (const { name } of flags) {
      assertStringIncludes(manual, `--${name}`);
      assertStringIncludes(readme, `--${name}`);
    }
  }
});

Deno.test("the manual page's examples are command lines that make sense", async () => {
  const manual = Deno.readTextFileSync(`${HERE}cocoon-agent.1`)
    .replaceAll("\\e\n", "").replaceAll("\\-", "-");
  const [, examples = ""] = manual.match(/^\.SH EXAMPLES$(.*?)^\.SH/ms) ?? [];
  const calls = [...examples.matchAll(/cocoon-agent ([a-z]+)([^|>&\n]*)/g)];
  assert(calls.length >= 10);
  for (const [, name = "", args = ""] of calls) {
    const command = await COMMANDS[name]!();
    parseFlags(args.trim().split(/\s+/), command.flags, command);
  }
});
