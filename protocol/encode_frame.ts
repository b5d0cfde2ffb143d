import { checkFrameLength } from "./_frame_length.ts";
import { dataLineLength, encodeDataLine } from "./_data_line.ts";
import { encodeBase64 } from "./base64.ts";
import type { KnownFrame } from "./frame.ts";

const ENCODER = new TextEncoder();

/**
 * Encodes a frame as one line.
 *
 * @param frame The frame to encode.
 * @returns The line, newline included.
 * @throws {RangeError} If the line would exceed {@linkcode MAX_FRAME_BYTES}.
 * @throws {TypeError} If the frame's type isn't one that can be sent.
 *
 * @example Usage
 * ```ts
 * import { encodeFrame } from "@cocoonstack/agent/protocol";
 * import { assertEquals } from "@std/assert";
 *
 * const line = encodeFrame({ type: "started", pid: 42 });
 * assertEquals(new TextDecoder().decode(line), '{"type":"started","pid":42}\n');
 * ```
 */
export function encodeFrame(frame: KnownFrame): Uint8Array {
  switch (frame.type) {
    case "stdin":
    case "stdout":
    case "stderr":
      // An empty field is left out, as the other peers do.
      if (frame.data.length === 0) return encodeJson({ type: frame.type });
      checkFrameLength(frame.type, dataLineLength(frame));
      return encodeDataLine(frame);
    case "exec":
      return encodeJson({
        type: frame.type,
        argv: frame.argv,
        env: Object.keys(frame.env).length > 0 ? frame.env : undefined,
        cwd: frame.cwd,
        user: frame.user,
        timeout_ms: frame.timeoutMs || undefined,
        clear_env: frame.clearEnv || undefined,
        memory_bytes: frame.memoryBytes || undefined,
        pids: frame.pids || undefined,
        cpus: frame.cpus || undefined,
        tty: frame.tty && {
          rows: frame.tty.rows,
          cols: frame.tty.cols,
          term: frame.tty.term,
        },
        features: frame.features,
      });
    case "reseed":
      return encodeJson({
        type: frame.type,
        data: encodeBase64(frame.data) || undefined,
        regen_machine_id: frame.regenMachineId || undefined,
      });
    case "info":
      return encodeJson({
        type: frame.type,
        probe: frame.probe || undefined,
        version: frame.info?.version,
        protocol: frame.info?.protocol,
        features: frame.info?.features,
        os: frame.info?.os,
        arch: frame.info?.arch,
        boot_id: frame.info?.bootId,
        uptime_ms: frame.info?.uptimeMs,
        landlock_abi: frame.info?.landlockAbi,
        containment: frame.info?.containment,
        controllers: frame.info?.controllers,
      });
    case "stdin_close":
      return encodeJson({ type: frame.type });
    case "resize":
      return encodeJson({
        type: frame.type,
        rows: frame.rows,
        cols: frame.cols,
      });
    case "signal":
      return encodeJson({ type: frame.type, signal: frame.signal });
    case "window":
      return encodeJson({ type: frame.type, bytes: frame.bytes });
    case "started":
      return encodeJson({
        type: frame.type,
        pid: frame.pid,
        features: frame.features,
        window: frame.window,
      });
    case "exit":
      return encodeJson({
        type: frame.type,
        exit_code: frame.exitCode || undefined,
        signal: frame.signal,
        timed_out: frame.timedOut || undefined,
        usage: frame.usage && {
          cpu_ms: frame.usage.cpuMs,
          peak_memory_bytes: frame.usage.peakMemoryBytes,
          oom_kills: frame.usage.oomKills,
        },
      });
    case "error":
      return encodeJson({
        type: frame.type,
        message: frame.message,
        code: frame.code,
      });
    default:
      throw new TypeError(
        `Cannot encode frame "${
          (frame satisfies never as KnownFrame).type
        }": not a type that can be sent`,
      );
  }
}

function encodeJson(
  fields: { type: string; [name: string]: unknown },
): Uint8Array {
  const line = ENCODER.encode(JSON.stringify(fields) + "\n");
  checkFrameLength(fields.type, line.length);
  return line;
}
