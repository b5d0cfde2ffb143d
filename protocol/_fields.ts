import { quote } from "./_quote.ts";
import { decodeBase64 } from "./base64.ts";
import { ProtocolError } from "./protocol_error.ts";

/**
 * A frame's JSON object, read field by field. Each method takes a field's name
 * and returns its value, or `undefined` if the field is missing or `null`, and
 * throws a {@linkcode ProtocolError} if the field has any other shape.
 */
export class Fields {
  /** The frame's type. */
  readonly type: string;
  readonly #values: Readonly<Record<string, unknown>>;
  /** What stands before the names of an object's fields that is one itself. */
  readonly #prefix: string;

  private constructor(
    type: string,
    values: Readonly<Record<string, unknown>>,
    prefix = "",
  ) {
    this.type = type;
    this.#values = values;
    this.#prefix = prefix;
  }

  /**
   * Wraps a frame's JSON object.
   *
   * @param value What the JSON holds.
   * @returns Its fields.
   * @throws {ProtocolError} If it isn't an object, or its type isn't a string.
   */
  static of(value: unknown): Fields {
    if (!isObject(value)) {
      throw new ProtocolError(
        `Cannot parse frame: must be a JSON object, got ${describe(value)}`,
      );
    }
    const { type } = value;
    if (type === undefined || type === null) {
      throw new ProtocolError(`Cannot parse frame: "type" is missing`);
    }
    if (!isString(type)) {
      throw new ProtocolError(
        `Cannot parse frame: "type" must be a string, got ${describe(type)}`,
      );
    }
    return new Fields(type, value);
  }

  /** Reads a string. */
  string(name: string): string | undefined {
    return this.#read(name, "a string", isString);
  }

  /** Reads a boolean. */
  boolean(name: string): boolean | undefined {
    return this.#read(name, "a boolean", isBoolean);
  }

  /** Reads an integer that a double holds exactly. */
  integer(name: string): number | undefined {
    return this.#read(name, "an integer", isInteger);
  }

  /** Reads a non-negative integer that a double holds exactly. */
  count(name: string): number | undefined {
    return this.#read(name, "a non-negative integer", isCount);
  }

  /** Reads an integer of 16 bits, without a sign. */
  short(name: string): number | undefined {
    return this.#read(name, "an integer from 0 to 65535", isShort);
  }

  /** Reads a non-negative, finite number. */
  amount(name: string): number | undefined {
    return this.#read(name, "a non-negative number", isAmount);
  }

  /** Reads an array of strings, of which there may be so many. */
  strings(name: string, max = Infinity): string[] | undefined {
    const expected = "an array of strings";
    const items = this.#read(name, expected, Array.isArray);
    this.#checkCount(name, items?.length, max);
    return items?.map((item: unknown, index) =>
      isString(item) ? item : this.#reject(
        name,
        expected,
        `${describeKind(item)} at index ${index}`,
      )
    );
  }

  /**
   * Reads an object of strings, of which there may be so many. The object that is
   * returned has no prototype.
   */
  stringRecord(
    name: string,
    max = Infinity,
  ): Record<string, string> | undefined {
    const expected = "an object of strings";
    const values = this.#read(name, expected, isObject);
    if (values === undefined) return undefined;
    const entries = Object.entries(values);
    this.#checkCount(name, entries.length, max);
    const record: Record<string, string> = Object.create(null);
    for (const [key, value] of entries) {
      if (!isString(value)) {
        // A name with a value behind it isn't for messages either.
        const at = quote(key.split("=")[0]!);
        this.#reject(name, expected, `${describeKind(value)} at ${at}`);
      }
      record[key] = value;
    }
    return record;
  }

  /** Reads an object, field by field as the frame itself. */
  object(name: string): Fields | undefined {
    const values = this.#read(name, "an object", isObject);
    return values &&
      new Fields(this.type, values, `${this.#prefix}${name}.`);
  }

  /** Reads bytes, which are in base64. */
  bytes(name: string): Uint8Array | undefined {
    const text = this.string(name);
    try {
      return text === undefined ? undefined : decodeBase64(text);
    } catch (cause) {
      throw new ProtocolError(
        `Cannot parse frame "${this.type}": "${this.#prefix}${name}" must be standard, padded base64`,
        { cause },
      );
    }
  }

  /** Fails because a field that must be there is missing. */
  missing(name: string): never {
    throw new ProtocolError(
      `Cannot parse frame "${this.type}": "${this.#prefix}${name}" is missing`,
    );
  }

  #checkCount(name: string, count = 0, max: number): void {
    if (count <= max) return;
    throw new ProtocolError(
      `Cannot parse frame "${this.type}": "${this.#prefix}${name}" holds ${count} strings, more than ${max}`,
    );
  }

  #read<T>(
    name: string,
    expected: string,
    isExpected: (value: unknown) => value is T,
  ): T | undefined {
    const value = this.#values[name] ?? undefined;
    if (value === undefined || isExpected(value)) return value;
    return this.#reject(name, expected, describe(value));
  }

  #reject(name: string, expected: string, actual: string): never {
    throw new ProtocolError(
      `Cannot parse frame "${this.type}": "${this.#prefix}${name}" must be ${expected}, got ${actual}`,
    );
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isCount(value: unknown): value is number {
  return isInteger(value) && value >= 0;
}

function isShort(value: unknown): value is number {
  return isCount(value) && value <= 0xffff;
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < Infinity;
}

function describe(value: unknown): string {
  return typeof value === "number" ? `number ${value}` : describeKind(value);
}

/** Says no value: those in lists are arguments and variables, hence secrets. */
function describeKind(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
