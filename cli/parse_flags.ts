/**
 * Parsing the flags of a command.
 *
 * @module
 */

import { type Command, type Flag, UsageError } from "./command.ts";
import {
  checkBundle,
  longNames,
  splitOnce,
  suggestFlag,
} from "./flag_names.ts";
import { HELP_FLAG } from "./help.ts";

/** The flags and arguments of a command line. */
export class ParsedFlags {
  /** The arguments after the flags, or after `--`. */
  readonly rest: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

  /**
   * @param values What was given for each flag, by its name.
   * @param rest The arguments after the flags.
   */
  constructor(
    values: ReadonlyMap<string, readonly string[]>,
    rest: readonly string[],
  ) {
    this.#values = values;
    this.rest = rest;
  }

  /**
   * Returns whether a flag was given.
   *
   * @param name The flag's name.
   */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /**
   * Returns the value of a flag, or `undefined` if it wasn't given.
   *
   * @param name The flag's name.
   */
  get(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  /**
   * Returns the values of a repeatable flag, in order.
   *
   * @param name The flag's name.
   */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
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
export type ParseFlagsOptions = Pick<Command, "takesArguments">;

/**
 * Parses the flags of a command, as getopt_long(3) does with `+`: short flags may
 * be bundled and their values attached, and the flags end at `--` or at the first
 * word that is none. What follows is left as it is.
 *
 * `--help` ends the parsing as well, whatever comes behind it.
 *
 * @param args The arguments after the command's name.
 * @param flags The flags that the command takes, beside `--help`.
 * @param options What else is known about the command.
 * @returns The values.
 * @throws {UsageError} If a flag is unknown, lacks its value, has one that it
 * doesn't take, or has a value and is given twice though it isn't repeatable, or
 * if a word that is no flag comes without a `--` before it where the command takes
 * no arguments.
 */
export function parseFlags(
  args: readonly string[],
  flags: readonly Flag[],
  options: ParseFlagsOptions = {},
): ParsedFlags {
  const known = [...flags, HELP_FLAG];
  const values = new Map<string, string[]>();
  let at = 0;

  function take({ name, repeatable }: Flag, label: string, value = ""): void {
    const given = values.get(name);
    if (given === undefined) values.set(name, [value]);
    else if (repeatable) given.push(value);
    // Without a value, once more changes nothing.
    else if (value !== "") {
      throw new UsageError(`${label} can be given only once`);
    }
  }

  /** Takes a flag with the value that is attached to it, or else the next word. */
  function takeValued(flag: Flag, label: string, attached?: string): void {
    const value = attached ?? args[at++];
    if (attached === undefined && value !== undefined && /^-./.test(value)) {
      throw new UsageError(
        `${label} needs a value; one that begins with "-" is written --${flag.name}=VALUE`,
      );
    }
    if (!value) throw new UsageError(`${label} needs a value`);
    take(flag, label, value);
  }

  function takeLong(arg: string): void {
    const [label, attached] = splitOnce(arg, "=");
    const name = label.slice(2);
    const flag = known.find((flag) => longNames(flag).includes(name));
    if (flag === undefined) {
      throw new UsageError(
        `Unknown flag "${label}"${suggestFlag(name, known)}`,
      );
    }
    if (flag.value !== undefined) return takeValued(flag, label, attached);
    if (attached !== undefined) {
      throw new UsageError(`${label} takes no value`);
    }
    take(flag, label);
  }

  function takeShort(arg: string): void {
    checkBundle(arg, known);
    for (let letter = 1; letter < arg.length; letter++) {
      const given = `-${arg[letter]}`;
      const flag = known.find(({ alias }) => alias === arg[letter]);
      if (flag === undefined) {
        throw new UsageError(
          `Unknown flag "${given}"${
            arg === given
              ? ""
              : ` in "${arg}"${suggestFlag(arg.slice(1), known)}`
          }`,
        );
      }
      const label = `--${flag.name}`;
      const attached = arg.slice(letter + 1);
      if (flag.value !== undefined) {
        return takeValued(
          flag,
          label,
          attached === "" ? undefined : attached.replace(/^=/, ""),
        );
      }
      if (attached.startsWith("=")) {
        throw new UsageError(`${label} takes no value`);
      }
      take(flag, label);
    }
  }

  while (at < args.length && !values.has(HELP_FLAG.name)) {
    const arg = args[at]!;
    if (!/^-./.test(arg)) break;
    at++;
    if (arg === "--") break;
    if (arg.startsWith("--")) takeLong(arg);
    else takeShort(arg);
  }
  if (values.has(HELP_FLAG.name)) return new ParsedFlags(values, []);
  const rest = args.slice(at);
  const [word] = rest;
  // An empty word is often a shell's variable that was never set.
  if (
    word !== undefined && args[at - 1] !== "--" &&
    (word === "" || !options.takesArguments)
  ) throw new UsageError(`Unexpected argument "${word}"`);
  return new ParsedFlags(values, rest);
}
