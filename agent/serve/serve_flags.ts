/**
 * The flags of the `serve` command.
 *
 * @module
 */

import { type Flag, UsageError } from "../../cli/command.ts";
import { type ParsedFlags, parseInteger } from "../../cli/parse_flags.ts";
import { parseResourceLimits } from "../../cli/parse_resource_limits.ts";
import { VMADDR_CID_ANY } from "../../ffi/abi.ts";
import { ownEnvironment } from "../../ffi/environment.ts";
import type { SocketAddress } from "../../ffi/socket_address.ts";
import { Grants } from "../grants/grants.ts";
import { DEFAULT_LIMITS, LIMIT_BOUNDS, type Limits } from "../limits.ts";
import { HOST_CID } from "../peer.ts";
import type { SessionSettings } from "../session_context.ts";

const DEFAULT_PORT = 1024;
const MAX_U32 = 0xffffffff;

/** The most sessions that can be asked for: as many as Linux has process ids. */
const MAX_SESSIONS = 2 ** 22;

/** The flags that say where the agent listens, whom it lets in, and what they may do. */
export const SERVE_FLAGS: readonly Flag[] = [
  {
    name: "port",
    value: "PORT",
    description: `Listen on this vsock port (default ${DEFAULT_PORT})`,
  },
  {
    name: "listen",
    value: "ADDRESS",
    description: "Listen on vsock:PORT or unix:PATH instead",
  },
  {
    name: "allow-run",
    value: "A,B,…",
    description: "Run only these programs, by name or path (default: any)",
  },
  {
    name: "confine",
    description:
      "Have the kernel (Landlock) let nothing else be executed by them either",
  },
  {
    name: "allow-cid",
    value: "CID",
    repeatable: true,
    description: `Let this vsock CID in, beside the host's (${HOST_CID})`,
  },
  {
    name: "policy",
    value: "FILE",
    description: "Run only what the rules in this file allow",
  },
  {
    name: "audit-file",
    value: "PATH",
    description: "Keep the sessions' records in this file as well",
  },
  {
    name: "redact",
    value: "PATTERN",
    repeatable: true,
    description:
      "Leave out of the records what * stands for in matching arguments, as in --redact='--password=*'",
  },
  {
    name: "max-sessions",
    value: "N",
    description:
      `Answer more sessions at once with "busy", but for info (default ${DEFAULT_LIMITS.sessions})`,
  },
  {
    name: "first-frame-timeout",
    value: "TIME",
    description:
      "Close connections that haven't said by then what they want (default 10s)",
  },
  {
    name: "max-frame",
    value: "SIZE",
    description: "Refuse longer frames, but for data (default and most 8M)",
  },
  {
    name: "max-args",
    value: "SIZE",
    description:
      "Refuse commands with more arguments and variables (default 2M)",
  },
  {
    name: "session-memory",
    value: "SIZE",
    description: "Hold no more for a session, beside a frame (default 2M)",
  },
  {
    name: "memory",
    value: "SIZE",
    description:
      "Give a command, with all that it starts, this much memory at most, such as 512M",
  },
  {
    name: "pids",
    value: "N",
    description: "… this many processes and threads at once",
  },
  {
    name: "cpu",
    value: "N",
    description: "… this many processors' time, such as 0.5",
  },
];

/** What the flags say about an agent. */
export interface ServeSettings extends
  Pick<
    SessionSettings,
    "grants" | "redact" | "limits" | "resourceLimits"
  > {
  /** Where it listens. */
  readonly address: SocketAddress;
  /** The vsock context identifiers that are let in. */
  readonly cids: readonly number[];
  /** The programs that the kernel is to hold commands to, if it is to. */
  readonly confined: readonly string[] | undefined;
  /** The file that has a policy for callers. */
  readonly policyFile: string | undefined;
  /** The file that audit records go to as well. */
  readonly auditFile: string | undefined;
}

/**
 * Returns what the flags say about an agent.
 *
 * @param flags The flags.
 * @returns The settings.
 * @throws {UsageError} If they make no sense.
 */
export function parseServeFlags(flags: ParsedFlags): ServeSettings {
  const cids = flags.all("allow-cid").map((cid) =>
    parseInteger("--allow-cid", cid, 0, MAX_U32)
  );
  const programs = programList(flags);
  if (flags.has("confine") && programs === undefined) {
    throw new UsageError(
      "--confine needs the list to hold commands to: name it by --allow-run=A,B,…, also where deno's own --allow-run has it, which cannot be read",
    );
  }
  return {
    address: listenAddress(flags),
    grants: new Grants(programs, ownEnvironment()["PATH"]),
    confined: flags.has("confine") ? programs : undefined,
    cids: [HOST_CID, ...cids],
    limits: agentLimits(flags),
    resourceLimits: parseResourceLimits(flags),
    policyFile: flags.get("policy"),
    auditFile: flags.get("audit-file"),
    redact: redactPatterns(flags),
  };
}

function agentLimits(flags: ParsedFlags): Limits {
  const sessions = flags.integer("max-sessions", 1, MAX_SESSIONS);
  const firstFrameTimeout = flags.duration("first-frame-timeout");
  if (firstFrameTimeout === 0) {
    throw new UsageError(
      "--first-frame-timeout must be longer than 0s: no frame could come in time",
    );
  }
  const { frame, args, sessionMemory } = LIMIT_BOUNDS;
  return {
    sessions: sessions ?? DEFAULT_LIMITS.sessions,
    firstFrameTimeout: firstFrameTimeout ?? DEFAULT_LIMITS.firstFrameTimeout,
    frame: flags.bytes("max-frame", frame.min, frame.max) ??
      DEFAULT_LIMITS.frame,
    args: flags.bytes("max-args", args.min, args.max) ?? DEFAULT_LIMITS.args,
    sessionMemory:
      flags.bytes("session-memory", sessionMemory.min, sessionMemory.max) ??
        DEFAULT_LIMITS.sessionMemory,
  };
}

function listenAddress(flags: ParsedFlags): SocketAddress {
  const port = flags.integer("port", 0, MAX_U32 - 1);
  const text = flags.get("listen");
  if (text === undefined) return vsockAddress(port ?? DEFAULT_PORT);
  if (port !== undefined) {
    throw new UsageError("--port and --listen exclude each other");
  }
  const [transport, ...parts] = text.split(":");
  const place = parts.join(":");
  if (transport === "vsock") {
    return vsockAddress(parseInteger("--listen vsock:", place, 0, MAX_U32 - 1));
  }
  if (transport === "unix" && place !== "") return { transport, path: place };
  throw new UsageError(
    `--listen must be vsock:PORT or unix:PATH, got "${text}"`,
  );
}

function vsockAddress(port: number): SocketAddress {
  return { transport: "vsock", cid: VMADDR_CID_ANY, port };
}

function redactPatterns(flags: ParsedFlags): readonly string[] {
  const patterns = flags.all("redact");
  const open = patterns.find((pattern) => !pattern.includes("*"));
  if (open !== undefined) {
    throw new UsageError(
      `--redact needs a "*" for what is to be left out, as in --redact='--password=*', got "${open}"`,
    );
  }
  return patterns;
}

function programList(flags: ParsedFlags): string[] | undefined {
  const programs = flags.get("allow-run")?.split(",");
  if (programs?.includes("")) {
    throw new UsageError("--allow-run has an empty entry in its list");
  }
  return programs;
}
