/**
 * What the command line says about itself.
 *
 * @module
 */

import type { Command, Flag } from "./command.ts";

/** The program's name in its own texts. */
export const PROGRAM = "cocoon-agent";

/** The flag that every command takes. */
export const HELP_FLAG: Flag = {
  name: "help",
  alias: "h",
  description: "Show this help",
};

/**
 * Formats the help of a command.
 *
 * @param command The command.
 * @returns The text, without a final newline.
 */
export function formatCommandHelp(command: Command): string {
  const usage = command.usage.map((line) => `  ${PROGRAM} ${line}`);
  const flags = [...command.flags, HELP_FLAG].map((flag) =>
    [formatFlag(flag), flag.description] as const
  );
  const notes = command.notes === undefined ? [] : ["", command.notes];
  return [
    `${command.summary}.`,
    "",
    "Usage:",
    ...usage,
    "",
    "Flags:",
    ...formatTable(flags),
    ...notes,
  ].join("\n");
}

/**
 * Formats the help of the whole program.
 *
 * @param commands Its commands.
 * @returns The text, without a final newline.
 */
export function formatHelp(
  commands: readonly Pick<Command, "name" | "summary">[],
): string {
  return [
    `${PROGRAM}: run commands in a virtual machine over vsock.`,
    "",
    "Usage:",
    `  ${PROGRAM} COMMAND [FLAGS]`,
    "",
    "Commands:",
    ...formatTable(commands.map(({ name, summary }) => [name, summary])),
    "",
    `"${PROGRAM} help COMMAND" tells more about one of them.`,
  ].join("\n");
}

function formatFlag(
  { name, alias, otherNames = [], value, repeatable }: Flag,
): string {
  const short = alias === undefined ? "" : `-${alias}, `;
  const argument = value === undefined ? "" : ` ${value}`;
  const names = [name, ...otherNames].map((name) => `--${name}`).join(", ");
  return `${short}${names}${argument}${repeatable ? " …" : ""}`;
}

/**
 * Formats terms and what is said about them.
 *
 * @param rows The terms and the texts.
 * @returns The lines, indented, with the texts below each other.
 */
export function formatTable(
  rows: readonly (readonly [term: string, text: string])[],
): string[] {
  const width = Math.max(...rows.map(([term]) => term.length));
  return rows.map(([term, text]) => `  ${term.padEnd(width)}  ${text}`);
}
