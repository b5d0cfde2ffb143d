import { parseDataLine } from "./_data_line.ts";
import { Fields } from "./_fields.ts";
import { excerpt, quote } from "./_quote.ts";
import {
  type AgentInfo,
  ERROR_CODES,
  type ErrorCode,
  type Frame,
} from "./frame.ts";
import { ProtocolError } from "./protocol_error.ts";

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses one line as a frame.
 *
 * Fields that the frame's type doesn't have are ignored, and a field that is
 * `null` counts as missing. What may be missing: `argv`, `env`, `data`,
 * `regen_machine_id`, `exit_code`, `message`, and what is optional in
 * {@linkcode Frame}. An `info` frame without a `version` is the request.
 *
 * @param line The line, without its newline.
 * @returns The frame.
 * @throws {ProtocolError} If the line isn't UTF-8, isn't a JSON object, or has
 * a field of the wrong shape.
 *
 * @example Usage
 * ```ts
 * import { parseFrame } from "@cocoonstack/agent/protocol";
 * import { assertEquals } from "@std/assert";
 *
 * const line = new TextEncoder().encode('{"type":"exit","exit_code":3}');
 * assertEquals(parseFrame(line), { type: "exit", exitCode: 3 });
 * ```
 */
export function parseFrame(line: Uint8Array): Frame {
  // Measured 1.4 to 3.4 times as fast, the longer the line the more, and never
  // slower, so that there is no threshold.
  return parseDataLine(line) ?? parseJsonLine(line);
}

function parseJsonLine(line: Uint8Array): Frame {
  const fields = new Fields(parseJson(decodeText(line)));
  const { type } = fields;
  switch (type) {
    case "exec":
      return {
        type,
        argv: fields.strings("argv") ?? [],
        env: fields.stringRecord("env") ?? Object.create(null),
      };
    case "reseed":
      return {
        type,
        data: fields.bytes("data") ?? new Uint8Array(0),
        regenMachineId: fields.boolean("regen_machine_id") ?? false,
      };
    case "info": {
      const info = parseInfo(fields);
      return { type, ...(info && { info }) };
    }
    case "stdin":
    case "stdout":
    case "stderr":
      return { type, data: fields.bytes("data") ?? new Uint8Array(0) };
    case "stdin_close":
      return { type };
    case "started": {
      const features = fields.strings("features");
      return {
        type,
        pid: fields.count("pid") ?? fields.missing("pid"),
        ...(features && { features }),
      };
    }
    case "exit": {
      const signal = fields.string("signal");
      return {
        type,
        exitCode: fields.integer("exit_code") ?? 0,
        ...(signal !== undefined && { signal }),
      };
    }
    case "error": {
      const code = fields.string("code");
      return {
        type,
        message: fields.string("message") ?? "",
        ...(isErrorCode(code) && { code }),
      };
    }
    default:
      return { type: "unknown", name: excerpt(type) };
  }
}

function decodeText(line: Uint8Array): string {
  try {
    return DECODER.decode(line);
  } catch (cause) {
    throw new ProtocolError("Cannot parse frame: not valid UTF-8", { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError(
      `Cannot parse frame ${quote(text)}: not valid JSON`,
      { cause },
    );
  }
}

function parseInfo(fields: Fields): AgentInfo | undefined {
  const version = fields.string("version");
  if (version === undefined) return undefined;
  return {
    version,
    protocol: fields.count("protocol") ?? fields.missing("protocol"),
    features: fields.strings("features") ?? [],
    os: fields.string("os") ?? fields.missing("os"),
    arch: fields.string("arch") ?? fields.missing("arch"),
    bootId: fields.string("boot_id") ?? fields.missing("boot_id"),
    uptimeMs: fields.amount("uptime_ms") ?? fields.missing("uptime_ms"),
  };
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return ERROR_CODES.some((known) => known === code);
}
