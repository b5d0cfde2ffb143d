import { type CommandTable, runProgram } from "./cli/run_program.ts";
import config from "./deno.json" with { type: "json" };

/**
 * The program's commands. Each is loaded when it is called, so that none pays for
 * another's imports at start.
 */
export const COMMANDS: CommandTable = {
  serve: async () =>
    (await import("./agent/serve/serve_command.ts")).serveCommand,
  client: async () =>
    (await import("./client/client_command.ts")).clientCommand,
  reseed: async () =>
    (await import("./client/reseed_command.ts")).reseedCommand,
  info: async () => (await import("./client/info_command.ts")).infoCommand,
  completion: async () =>
    (await import("./cli/completion/completion_command.ts"))
      .completionCommand(COMMANDS),
};

if (import.meta.main) {
  Deno.exit(await runProgram(Deno.args, config.version, COMMANDS));
}
