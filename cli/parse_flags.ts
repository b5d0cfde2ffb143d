/**
 * Parsing the flags of a command.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { type Command, type Flag, UsageError } from "./command.ts";
import { HELP_FLAG } from "./help.ts";
import { nearestWord } from "./nearest_word.ts";

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
   * @param min The smallest value.
   * @param max The largest value.
   * @throws {UsageError} If it is no integer from `min` to `max`.
   */
  integer(name: string, min: number, max: number): number | undefined {
    const value = this.get(name);
    return value === undefined
      ? undefined
      : parseInteger(`--${name}`, value, min, max);
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
    const milliseconds = parseDuration(value);
    if (milliseconds === undefined) {
      throw new UsageError(
        `--${name} must be a duration such as 500ms, 5s or 2m, up to 24h, got "${value}"`,
      );
    }
    return milliseconds;
  }

  /**
   * Returns the value of a flag as a number of bytes, or `undefined` if it wasn't
   * given.
   *
   * @param name The flag's name.
   * @param min The smallest value.
   * @param max The largest value.
   * @throws {UsageError} If it is no size such as `65536`, `64K`, `512M` or `2G`
   * within these bounds.
   */
  bytes(name: string, min: number, max: number): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    const [, number, unit] = value.match(/^(\d+)([KMG]?)$/) ?? [];
    const bytes = Number(number) * SIZES[unit as keyof typeof SIZES];
    if (!(bytes >= min && bytes <= max)) {
      throw new UsageError(
        `--${name} must be a size from ${formatSize(min)} to ${
          formatSize(max)
        }, in bytes or with K, M or G behind it, got "${value}"`,
      );
    }
    return bytes;
  }
}

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const SIZES = { G: 2 ** 30, M: 2 ** 20, K: 2 ** 10, "": 1 } as const;

/** Formats a size as the flags take it. */
function formatSize(bytes: number): string {
  const [unit, size] = Object.entries(SIZES)
    .find(([, size]) => bytes >= size && bytes % size === 0) ?? ["", 1];
  return `${bytes / size}${unit}`;
}
const MAX_DURATION = 24 * UNITS.h;

/**
 * Parses a duration.
 *
 * @param text The text, such as `500ms`, `5s`, `2m` or `1.5h`.
 * @returns Milliseconds, or `undefined` if it is none, or more than 24 hours.
 */
export function parseDuration(text: string): number | undefined {
  const [, number, unit] = text.match(/^(\d+(?:\.\d+)?)(ms|s|m|h)$/) ?? [];
  const milliseconds = Number(number) * UNITS[unit as keyof typeof UNITS];
  return milliseconds <= MAX_DURATION ? milliseconds : undefined;
}

/**
 * Parses an integer from the command line.
 *
 * @param subject What it is, for the message.
 * @param value The text.
 * @param min The smallest value.
 * @param max The largest value.
 * @returns The integer.
 * @throws {UsageError} If it is no integer from `min` to `max`.
 */
export function parseInteger(
  subject: string,
  value: string,
  min: number,
  max: number,
): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < min || number > max) {
    throw new UsageError(
      `${subject} must be an integer from ${min} to ${max}, got "${value}"`,
    );
  }
  return number;
}

/** What else {@linkcode parseFlags} knows about a command. */
export type ParseFlagsOptions = Pick<Command, "takesArguments" | "hints">;

/**
 * Parses the flags of a command. All flags come before `--`; what follows it is
 * left as it is.
 *
 * @param args The arguments after the command's name.
 * @param flags The flags that the command takes.
 * @param options What else is known about the command, for messages.
 * @returns The values.
 * @throws {UsageError} If a flag is unknown, lacks its value, has one that it
 * doesn't take, or has a value and is given twice though it isn't repeatable, or
 * if an argument stands before `--`.
 */
export function parseFlags(
  args: readonly string[],
  flags: readonly Flag[],
  options: ParseFlagsOptions = {},
): ParsedFlags {
  const split = args.indexOf("--");
  checkShape(split < 0 ? args : args.slice(0, split), flags, options);

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
          ? `Unexpected argument "${arg}"${
            options.takesArguments ? ': a command to run goes after "--"' : ""
          }`
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

/** Refuses what the parser would take for something else. */
function checkShape(
  args: readonly string[],
  flags: readonly Flag[],
  { hints = {} }: ParseFlagsOptions,
): void {
  let last: Flag | undefined;
  for (const arg of args) {
    // It would take the value for a flag.
    if (last && /^-./.test(arg)) {
      throw new UsageError(
        `--${last.name} needs a value; one that begins with "-" is written --${last.name}=VALUE`,
      );
    }
    if (Object.hasOwn(hints, arg)) {
      throw new UsageError(`Unknown flag "${arg}": ${hints[arg]}`);
    }
    // It would take the value of -eA=B for "B".
    if (/^-[^-=][^=]/.test(arg)) {
      throw new UsageError(
        `Cannot parse "${arg}": put a space between a short flag and its value`,
      );
    }
    const [, key, value] = arg.match(/^--?([^-=][^=]*)(=.*)?$/s) ?? [];
    const flag = key === undefined
      ? undefined
      : flags.find(({ name, alias }) => key === name || key === alias);
    if (flag && flag.value === undefined && value !== undefined) {
      throw new UsageError(`--${flag.name} takes no value`);
    }
    // It would see none, and an argument too many.
    if (arg === "" && last) {
      throw new UsageError(`--${last.name} needs a value`);
    }
    last = flag?.value !== undefined && value === undefined ? flag : undefined;
  }
}

function suggest(arg: string, flags: readonly Flag[]): string {
  if (!arg.startsWith("--")) return "";
  const [given] = arg.slice(2).split("=");
  const names = [...flags, HELP_FLAG].map(({ name }) => name);
  const nearest = nearestWord(given!, names);
  return nearest === undefined ? "" : `; did you mean "--${nearest}"?`;
}
