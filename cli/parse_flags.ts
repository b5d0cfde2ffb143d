/**
 * Parsing the flags of a command.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { closestString } from "@std/text/closest-string";
import { type Flag, UsageError } from "./command.ts";

/** The flags and arguments of a command line. */
export class ParsedFlags {
  /** The arguments after `--`. */
  readonly rest: readonly string[];
  readonly #values: Readonly<Record<string, unknown>>;

  /**
   * @param values The flags' values by name.
   * @param rest The arguments after `--`.
   */
  constructor(values: Readonly<Record<string, unknown>>, rest: string[]) {
    this.#values = values;
    this.rest = rest;
  }

  /**
   * Returns whether a flag without a value was given.
   *
   * @param name The flag's name.
   */
  has(name: string): boolean {
    return this.#values[name] === true;
  }

  /**
   * Returns the value of a flag, or `undefined` if it wasn't given.
   *
   * @param name The flag's name.
   */
  get(name: string): string | undefined {
    return this.#values[name] as string | undefined;
  }

  /**
   * Returns the values of a repeatable flag, in order.
   *
   * @param name The flag's name.
   */
  all(name: string): readonly string[] {
    return this.#values[name] as string[];
  }

  /**
   * Returns the value of a flag as an integer, or `undefined` if it wasn't
   * given.
   *
   * @param name The flag's name.
   * @param max The largest value.
   * @throws {UsageError} If it is no integer from 0 to `max`.
   */
  integer(name: string, max: number): number | undefined {
    const value = this.get(name);
    return value === undefined
      ? undefined
      : parseInteger(`--${name}`, value, max);
  }

  /**
   * Returns the value of a flag as a duration in milliseconds, or `undefined`
   * if it wasn't given.
   *
   * @param name The flag's name.
   * @throws {UsageError} If it is no duration such as `500ms`, `5s` or `2m`.
   */
  duration(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    const [, number, unit] = value.match(/^(\d+(?:\.\d+)?)(ms|s|m|h)$/) ?? [];
    const milliseconds = Number(number) * UNITS[unit as keyof typeof UNITS];
    if (!(milliseconds <= MAX_DURATION)) {
      throw new UsageError(
        `--${name} must be a duration such as 500ms, 5s or 2m, up to 24h, got "${value}"`,
      );
    }
    return milliseconds;
  }
}

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const MAX_DURATION = 24 * UNITS.h;

/**
 * Parses an integer from the command line.
 *
 * @param subject What it is, for the message.
 * @param value The text.
 * @param max The largest value.
 * @returns The integer.
 * @throws {UsageError} If it is no integer from 0 to `max`.
 */
export function parseInteger(
  subject: string,
  value: string,
  max: number,
): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number > max) {
    throw new UsageError(
      `${subject} must be an integer from 0 to ${max}, got "${value}"`,
    );
  }
  return number;
}

/**
 * Parses the flags of a command. All flags come before `--`; what follows it is
 * left as it is.
 *
 * @param args The arguments after the command's name.
 * @param flags The flags that the command takes.
 * @returns The values.
 * @throws {UsageError} If a flag is unknown, lacks its value, has a value
 * and is given twice though it isn't repeatable, or if an argument stands before `--`.
 */
export function parseFlags(
  args: readonly string[],
  flags: readonly Flag[],
): ParsedFlags {
  const split = args.indexOf("--");
  const own = split < 0 ? args : args.slice(0, split);
  // The parser would take the value of -eA=B for "B".
  const joined = own.find((arg) => /^-[^-=][^=]/.test(arg));
  if (joined !== undefined) {
    throw new UsageError(
      `Cannot parse "${joined}": put a space between a short flag and its value`,
    );
  }

  const valued = flags.filter(({ value }) => value !== undefined);
  const { "--": rest, _: _, ...values } = parseArgs([...args], {
    "--": true,
    string: valued.map(({ name }) => name),
    collect: valued.map(({ name }) => name),
    boolean: flags.filter(({ value }) => value === undefined)
      .map(({ name }) => name),
    alias: Object.fromEntries(
      flags.flatMap(({ name, alias }) => alias ? [[name, alias]] : []),
    ),
    unknown(arg: string, key?: string) {
      throw new UsageError(
        key === undefined
          ? `Unexpected argument "${arg}": a command to run goes after "--"`
          : `Unknown flag "${arg.split("=")[0]}"${suggest(arg, flags)}`,
      );
    },
  });

  for (const { name, repeatable } of valued) {
    const given = values[name] as string[];
    if (given.includes("")) throw new UsageError(`--${name} needs a value`);
    if (repeatable) continue;
    if (given.length > 1) {
      throw new UsageError(`--${name} can be given only once`);
    }
    values[name] = given[0];
  }
  return new ParsedFlags(values, rest);
}

function suggest(arg: string, flags: readonly Flag[]): string {
  if (!arg.startsWith("--") || flags.length === 0) return "";
  const given = arg.slice(2).split("=")[0];
  return `; did you mean "--${
    closestString(given, flags.map(({ name }) => name))
  }"?`;
}
