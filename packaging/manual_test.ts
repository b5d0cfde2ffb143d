import { assertStringIncludes } from "@std/assert";
import { serveCommand } from "../agent/serve/serve_command.ts";
import { clientCommand } from "../client/client_command.ts";
import { infoCommand } from "../client/info_command.ts";
import { reseedCommand } from "../client/reseed_command.ts";

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
